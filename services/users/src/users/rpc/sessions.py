"""RPCs of signing in, staying signed in and signing out."""

import grpc

from chassis.identity import require_user
from chassis.paging import page_size
from marquee.users.v1 import users_pb2 as pb
from users.domain.accounts import Account, fold
from users.domain.sessions import (
    LONGEST_LOGIN,
    Device,
    InvalidGrant,
    SessionNotFound,
    device,
    limited_address,
)
from users.messages import session_message, token_pair_message, user_message
from users.operations import sessions
from users.operations.sessions import TokenPair
from users.rpc.parts import Rpcs, caller_address, own_id, parsed_id
from users.store import accounts as account_rows
from users.store import sessions as rows
from users.store.signing_keys import signing_keys


class SessionRpcs(Rpcs):
    """Sessions, and the keys their access tokens are signed with."""

    def SignIn(self, request: pb.SignInRequest, context: grpc.ServicerContext) -> pb.SignInResponse:
        """The same steps, and so the same time, whether or not there is such an account."""
        parts, login = self._parts, request.login[:LONGEST_LOGIN]
        with parts.database.read() as connection:
            account = account_rows.account_by_login(connection, login)
        # By account, so that neither spelling nor the choice of name or address gains a guess.
        subject = fold(login) if account is None else str(account.user_id)
        attempt = parts.limits.take(account=subject, address=limited_address(request.address))
        stored_hash = None if account is None else account.password_hash
        right = self._verified(attempt, request.password, stored_hash)
        origin = device(request.address, request.agent)
        if account is None or not right or account.status != "active":
            self._record_failure(account, origin)
            raise InvalidGrant
        parts.limits.give_back(attempt)
        account, pair = self._begin(account, request.password, origin)
        return pb.SignInResponse(user=user_message(account), tokens=_pair_message(pair))

    def RefreshSession(
        self, request: pb.RefreshSessionRequest, context: grpc.ServicerContext
    ) -> pb.RefreshSessionResponse:
        parts, asked_at = self._parts, self._parts.now()
        origin, token = device(request.address, request.agent), request.refresh_token
        with (
            parts.presentations.of(token) as accompanied,
            parts.database.begin() as connection,
        ):
            refreshed = sessions.refresh_session(
                connection,
                parts.tokens,
                token,
                origin,
                asked_at=asked_at,
                accompanied=accompanied,
                now=parts.now,
            )
        if refreshed.ended_session_id is not None:
            parts.revoked(refreshed.ended_session_id)
        if refreshed.account is None or refreshed.pair is None:
            raise InvalidGrant
        return pb.RefreshSessionResponse(
            user=user_message(refreshed.account), tokens=_pair_message(refreshed.pair)
        )

    def RevokeToken(
        self, request: pb.RevokeTokenRequest, context: grpc.ServicerContext
    ) -> pb.RevokeTokenResponse:
        with self._parts.database.begin() as connection:
            session_id = sessions.log_out(
                connection, request.token, address=caller_address(), at=self._parts.now()
            )
        if session_id is None:
            return pb.RevokeTokenResponse()
        self._parts.revoked(session_id)
        return pb.RevokeTokenResponse(session_id=str(session_id))

    def ListSigningKeys(
        self, request: pb.ListSigningKeysRequest, context: grpc.ServicerContext
    ) -> pb.ListSigningKeysResponse:
        with self._parts.database.read() as connection:
            keys = signing_keys(connection)
        if not keys:
            with self._parts.database.begin() as connection:
                self._parts.tokens.keyring.signer(connection, self._parts.now())
                keys = signing_keys(connection)
        wanted = [key for key in keys if request.key_id in {"", key.key_id}]
        return pb.ListSigningKeysResponse(
            keys=[pb.SigningKey(key_id=key.key_id, public_key=key.public_key) for key in wanted]
        )

    def ListSessions(
        self, request: pb.ListSessionsRequest, context: grpc.ServicerContext
    ) -> pb.ListSessionsResponse:
        user_id, size = own_id(), page_size(request.page_size)
        scope = f"sessions:{user_id}"
        after = self._page_place(scope, request.page_token)
        with self._parts.database.read() as connection:
            found = rows.sessions_of(
                connection, user_id, at=self._parts.now(), after=after, limit=size + 1
            )
        page, own_session_id = found[:size], require_user().session_id
        return pb.ListSessionsResponse(
            sessions=[
                session_message(session, current=session.session_id == own_session_id)
                for session in page
            ],
            next_page_token=self._next_page(
                scope, page[-1].session_id if len(found) > size else None
            ),
        )

    def RevokeSession(
        self, request: pb.RevokeSessionRequest, context: grpc.ServicerContext
    ) -> pb.RevokeSessionResponse:
        session_id = parsed_id(request.session_id, "session_id")
        with self._parts.database.begin() as connection:
            if not sessions.end_session(
                connection, own_id(), session_id, address=caller_address(), at=self._parts.now()
            ):
                raise SessionNotFound("you have no such session")
        self._parts.revoked(session_id)
        return pb.RevokeSessionResponse(session_id=str(session_id))

    def _begin(self, verified: Account, password: str, origin: Device) -> tuple[Account, TokenPair]:
        """The password was checked outside of the transaction: look whether it still is it."""
        parts, stored_hash = self._parts, verified.password_hash or ""
        new_hash = parts.passwords.hash_anew(password, stored_hash)
        with parts.database.begin() as connection:
            account = account_rows.locked_account(connection, verified.user_id)
            if (
                account is None
                or account.status != "active"
                or account.password_hash != verified.password_hash
            ):
                raise InvalidGrant
            if new_hash is not None:
                account_rows.replace_hash(connection, account.user_id, stored_hash, new_hash)
            at = parts.now()
            return account, sessions.begin_session(connection, parts.tokens, account, origin, at)

    def _record_failure(self, account: Account | None, origin: Device) -> None:
        user_id = None if account is None else account.user_id
        with self._parts.database.begin() as connection:
            sessions.record_failed_login(connection, user_id, origin, self._parts.now())


def _pair_message(pair: TokenPair) -> pb.TokenPair:
    return token_pair_message(pair.access_token, pair.refresh_token, pair.session_id)
