"""RPCs that other services ask."""

from datetime import UTC, datetime

import grpc

from chassis.errors import Invalid
from chassis.identity import current
from chassis.paging import page_size
from marquee.users.v1 import users_pb2 as pb
from users.domain.accounts import UserNotFound
from users.domain.erasures import NotYourErasure
from users.messages import card_message, consent_message, preferences_message
from users.operations import accounts, erasures
from users.operations.accounts import Newcomer
from users.rpc.accounts import cleaned_email, cleaned_username
from users.rpc.parts import Rpcs, checked, parsed_id, parsed_ids
from users.store.accounts import AccountFilter, accounts_after
from users.store.follows import cards_of
from users.store.profiles import consents_of, preferences_and_genres_of

_LARGEST_BATCH = 500


class NeighbourRpcs(Rpcs):
    """Preferences, consent and names of people, for replicas; people to import."""

    def GetPreferencesOf(
        self, request: pb.GetPreferencesOfRequest, context: grpc.ServicerContext
    ) -> pb.GetPreferencesOfResponse:
        user_id = parsed_id(request.user_id, "user_id")
        with self._parts.database.read() as connection:
            found = preferences_and_genres_of(connection, user_id)
        if found is None:
            raise UserNotFound("there is no such user")
        preferences, genre_ids = found
        return pb.GetPreferencesOfResponse(
            preferences=preferences_message(preferences), favorite_genre_ids=genre_ids
        )

    def BatchGetConsent(
        self, request: pb.BatchGetConsentRequest, context: grpc.ServicerContext
    ) -> pb.BatchGetConsentResponse:
        user_ids = parsed_ids(request.user_ids, most=_LARGEST_BATCH)
        with self._parts.database.read() as connection:
            consents = consents_of(connection, user_ids)
        return pb.BatchGetConsentResponse(
            consents=[consent_message(consent) for consent in consents]
        )

    def BatchGetUsers(
        self, request: pb.BatchGetUsersRequest, context: grpc.ServicerContext
    ) -> pb.BatchGetUsersResponse:
        user_ids = parsed_ids(request.user_ids, most=_LARGEST_BATCH)
        viewer_id = None
        if request.viewer_user_id:
            viewer_id = parsed_id(request.viewer_user_id, "viewer_user_id")
        with self._parts.database.read() as connection:
            cards = cards_of(connection, user_ids, viewer_id)
        return pb.BatchGetUsersResponse(users=[card_message(card, viewer_id) for card in cards])

    def ListDisabledUsers(
        self, request: pb.ListDisabledUsersRequest, context: grpc.ServicerContext
    ) -> pb.ListDisabledUsersResponse:
        size, scope = page_size(request.page_size), "disabled users"
        wanted = AccountFilter(query="", role="", status="disabled")
        after = self._page_place(scope, request.page_token)
        with self._parts.database.read() as connection:
            found = accounts_after(connection, wanted, after=after, limit=size + 1)
        page = found[:size]
        return pb.ListDisabledUsersResponse(
            users=[pb.DisabledUser(user_id=str(one.user_id), version=one.version) for one in page],
            next_page_token=self._next_page(scope, page[-1].user_id if len(found) > size else None),
        )

    def BatchCreateUsers(
        self, request: pb.BatchCreateUsersRequest, context: grpc.ServicerContext
    ) -> pb.BatchCreateUsersResponse:
        at = self._parts.now()
        newcomers = _newcomers(request, at)
        with self._parts.database.begin() as connection:
            user_ids, created_count = accounts.create_users(
                connection, self._parts.tombstones, newcomers, at
            )
        return pb.BatchCreateUsersResponse(
            user_ids=[str(user_id) for user_id in user_ids], created_count=created_count
        )

    def AcknowledgeErasure(
        self, request: pb.AcknowledgeErasureRequest, context: grpc.ServicerContext
    ) -> pb.AcknowledgeErasureResponse:
        erasure_id = parsed_id(request.erasure_id, "erasure_id")
        if current().service != request.service:
            raise NotYourErasure("a service acknowledges for itself only")
        with self._parts.database.begin() as connection:
            complete = erasures.acknowledge_erasure(
                connection,
                erasure_id,
                request.service,
                request.deleted_rows_count,
                self._parts.now(),
            )
        return pb.AcknowledgeErasureResponse(complete=complete)


def _newcomers(request: pb.BatchCreateUsersRequest, at: datetime) -> list[Newcomer]:
    if len(request.users) > _LARGEST_BATCH:
        raise Invalid(f"must be at most {_LARGEST_BATCH} users", field="users")
    checks = {
        str(position): lambda user=user, position=position: _newcomer(user, position, at)
        for position, user in enumerate(request.users)
    }
    return list(checked(checks).values())


def _newcomer(user: pb.ImportedUser, position: int, at: datetime) -> Newcomer:
    field = f"users.{position}"
    username = cleaned_username(user.username, f"{field}.username")
    email = cleaned_email(user.email, f"{field}.email")
    return Newcomer(username, email, None, _registered_at(user, f"{field}.registered_at", at))


def _registered_at(user: pb.ImportedUser, field: str, at: datetime) -> datetime:
    if not user.HasField("registered_at"):
        return at
    try:
        registered_at = user.registered_at.ToDatetime(tzinfo=UTC)
    except ValueError as error:
        raise Invalid("must be a moment", field=field) from error
    if registered_at > at:
        raise Invalid("must not be in the future", field=field)
    return registered_at
