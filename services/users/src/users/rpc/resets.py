"""RPCs of a forgotten password."""

import grpc

from marquee.users.v1 import users_pb2 as pb
from users.domain.resets import RESET_TOKEN_LIFE
from users.messages import timestamp
from users.operations import resets
from users.rpc.accounts import cleaned_email
from users.rpc.parts import Rpcs, caller_address
from users.store.accounts import account_by_login


class ResetRpcs(Rpcs):
    """Asking for a mail, and using what it says."""

    def RequestPasswordReset(
        self, request: pb.RequestPasswordResetRequest, context: grpc.ServicerContext
    ) -> pb.RequestPasswordResetResponse:
        """One look-up and one job, whether or not somebody has the address."""
        email, at = cleaned_email(request.email), self._parts.now()
        with self._parts.database.begin() as connection:
            resets.request_reset(connection, account_by_login(connection, email))
        return pb.RequestPasswordResetResponse(expires_at=timestamp(at + RESET_TOKEN_LIFE))

    def ConfirmPasswordReset(
        self, request: pb.ConfirmPasswordResetRequest, context: grpc.ServicerContext
    ) -> pb.ConfirmPasswordResetResponse:
        parts, token = self._parts, request.token
        parts.passwords.check(request.new_password, field="new_password")
        with parts.database.read() as connection:
            user_id = resets.check_reset_token(connection, token, parts.now())
        new_hash = parts.passwords.hash(request.new_password, field="new_password")
        with parts.database.begin() as connection:
            ended = resets.confirm_reset(
                connection, user_id, token, new_hash, address=caller_address(), at=parts.now()
            )
        for session_id in ended:
            parts.revoked(session_id)
        return pb.ConfirmPasswordResetResponse(revoked_sessions_count=len(ended))
