"""Asking users who consents to what."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from uuid import UUID

from analytics.domain.privacy import Consent
from analytics.messages.moments import moment, uuid_of
from chassis.errors import Refusal, Unavailable
from marquee.users.v1 import users_pb2, users_pb2_grpc

_AT_ONCE = 500
_TIMEOUT_SECONDS = 2.0


class ConsentUnknown(Unavailable):
    """Nobody can tell now what may be stored."""


class Consents:
    """Consent as of now: never cached, for a withdrawal counts from the next moment on."""

    def __init__(self, users: users_pb2_grpc.UsersServiceStub) -> None:
        self._users = users

    def of(self, user_ids: Collection[UUID]) -> Mapping[UUID, Consent]:
        """What each known person lets be stored; who is missing consents to nothing."""
        found: dict[UUID, Consent] = {}
        for some in _pieces(sorted(user_ids)):
            request = users_pb2.BatchGetConsentRequest(user_ids=[str(one) for one in some])
            try:
                reply = self._users.BatchGetConsent(request, timeout=_TIMEOUT_SECONDS)
            except Refusal as refusal:
                raise ConsentUnknown("users does not say who consents") from refusal
            found.update(
                (uuid_of(one.user_id, field="user_id"), _consent(one)) for one in reply.consents
            )
        return found


def _consent(message: users_pb2.Consent) -> Consent:
    stored, named = message.HasField("stored_since"), message.HasField("named_since")
    return Consent(
        message.activity_tracking,
        moment(message.stored_since, field="stored_since") if stored else None,
        moment(message.named_since, field="named_since") if named else None,
    )


def _pieces(user_ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for start in range(0, len(user_ids), _AT_ONCE):
        yield user_ids[start : start + _AT_ONCE]
