"""RPCs of one's own account."""

import grpc

from chassis.identity import require_user
from chassis.mail import mail_address
from chassis.text import clean_name, clean_text
from marquee.users.v1 import users_pb2 as pb
from users.domain.accounts import (
    LONGEST_EMAIL,
    LONGEST_USERNAME,
    Account,
    UserNotFound,
    checked_email,
    checked_username,
)
from users.domain.etags import check_etag
from users.domain.sessions import device
from users.messages import token_pair_message, user_message
from users.operations import accounts, erasures, sessions
from users.operations.accounts import Newcomer
from users.rpc.parts import Rpcs, caller_address, changes, checked, own_id
from users.store import accounts as rows


def cleaned_username(username: str, field: str = "username") -> str:
    """Trimmed and composed, and fit to be a name."""
    text = clean_name(username, field=field, max_length=LONGEST_USERNAME)
    return checked_username(text, field=field)


def cleaned_email(email: str, field: str = "email") -> str:
    """Trimmed and composed, and an address that the mailer will take."""
    text = clean_text(email, field=field, max_length=LONGEST_EMAIL)
    mail_address(checked_email(text, field=field), field=field)
    return text


class AccountRpcs(Rpcs):
    """Registering, and changing what one registered with."""

    def Register(
        self, request: pb.RegisterRequest, context: grpc.ServicerContext
    ) -> pb.RegisterResponse:
        parts, at = self._parts, self._parts.now()
        values = checked(
            {
                "username": lambda: cleaned_username(request.username),
                "email": lambda: cleaned_email(request.email),
                "password": lambda: parts.passwords.check(request.password),
            }
        )
        with parts.database.read() as connection:
            accounts.refuse_taken(connection, parts.tombstones, values["username"], values["email"])
        password_hash = parts.passwords.hash(request.password)
        newcomer = Newcomer(values["username"], values["email"], password_hash, at)
        origin = device(request.address, request.agent)
        with parts.database.begin() as connection:
            account = accounts.register(connection, parts.tombstones, newcomer, at)
            pair = sessions.begin_session(connection, parts.tokens, account, origin, at)
        return pb.RegisterResponse(
            user=user_message(account),
            tokens=token_pair_message(pair.access_token, pair.refresh_token, pair.session_id),
        )

    def GetUser(
        self, request: pb.GetUserRequest, context: grpc.ServicerContext
    ) -> pb.GetUserResponse:
        return pb.GetUserResponse(user=user_message(self._own()))

    def UpdateUser(
        self, request: pb.UpdateUserRequest, context: grpc.ServicerContext
    ) -> pb.UpdateUserResponse:
        values = changes(
            request.update_mask.paths,
            {
                "username": lambda: cleaned_username(request.user.username),
                "email": lambda: cleaned_email(request.user.email),
            },
        )
        account = self._own()
        check_etag(request.etag, account.version)
        if values.get("email", account.email) != account.email:
            self._confirm(account, request.password)
        with self._parts.database.begin() as connection:
            updated = accounts.update_user(
                connection,
                self._parts.tombstones,
                account,
                values,
                etag=request.etag,
                address=caller_address(),
                at=self._parts.now(),
            )
        return pb.UpdateUserResponse(user=user_message(updated))

    def ChangePassword(
        self, request: pb.ChangePasswordRequest, context: grpc.ServicerContext
    ) -> pb.ChangePasswordResponse:
        parts = self._parts
        parts.passwords.check(request.new_password, field="new_password")
        account = self._own()
        self._confirm(account, request.current_password)
        new_hash = parts.passwords.hash(request.new_password, field="new_password")
        with parts.database.begin() as connection:
            ended = accounts.change_password(
                connection,
                account,
                new_hash,
                session_id=require_user().session_id,
                address=caller_address(),
                at=parts.now(),
            )
        for session_id in ended:
            parts.revoked(session_id)
        return pb.ChangePasswordResponse(revoked_sessions_count=len(ended))

    def DeleteUser(
        self, request: pb.DeleteUserRequest, context: grpc.ServicerContext
    ) -> pb.DeleteUserResponse:
        parts, account = self._parts, self._own()
        self._confirm(account, request.password)
        with parts.database.begin() as connection:
            erasure_id, ended = erasures.begin_erasure(
                connection, parts.tombstones, account, parts.now()
            )
        for session_id in ended:
            parts.revoked(session_id)
        return pb.DeleteUserResponse(erasure_id=str(erasure_id))

    def _own(self) -> Account:
        with self._parts.database.read() as connection:
            account = rows.account(connection, own_id())
        if account is None:
            raise UserNotFound("your account is no more")
        return account
