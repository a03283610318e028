"""RPCs of administrators."""

import grpc

from chassis.errors import Invalid
from chassis.paging import page_size
from chassis.text import clean_text
from marquee.users.v1 import users_pb2 as pb
from users.domain.accounts import LONGEST_EMAIL, checked_role, checked_status
from users.messages import details_json, timestamp, user_message
from users.operations import accounts
from users.rpc.parts import Rpcs, caller_address, own_id, parsed_id
from users.store.accounts import AccountFilter, accounts_after
from users.store.audit import AuditEntry, audit_entries_after

_LONGEST_ACTION = 100


class AdministrationRpcs(Rpcs):
    """Accounts of others, and what was done to them."""

    def ListUsers(
        self, request: pb.ListUsersRequest, context: grpc.ServicerContext
    ) -> pb.ListUsersResponse:
        wanted = AccountFilter(
            query=clean_text(request.query, field="query", max_length=LONGEST_EMAIL),
            role=checked_role(request.role) if request.role else "",
            status=checked_status(request.status) if request.status else "",
        )
        size, scope = page_size(request.page_size), f"users:{wanted}"
        after = self._page_place(scope, request.page_token)
        with self._parts.database.read() as connection:
            found = accounts_after(connection, wanted, after=after, limit=size + 1)
        page = found[:size]
        return pb.ListUsersResponse(
            users=[user_message(account) for account in page],
            next_page_token=self._next_page(scope, page[-1].user_id if len(found) > size else None),
        )

    def UpdateUserAccess(
        self, request: pb.UpdateUserAccessRequest, context: grpc.ServicerContext
    ) -> pb.UpdateUserAccessResponse:
        user_id = parsed_id(request.user_id, "user_id")
        role = checked_role(request.role) if request.role else None
        status = checked_status(request.status) if request.status else None
        if role is None and status is None:
            raise Invalid("must name a role or a status", field="role")
        with self._parts.database.begin() as connection:
            account, ended = accounts.update_access(
                connection,
                user_id,
                role=role,
                status=status,
                actor=own_id(),
                address=caller_address(),
                at=self._parts.now(),
            )
        for session_id in ended:
            self._parts.revoked(session_id)
        return pb.UpdateUserAccessResponse(user=user_message(account))

    def ListAuditEntries(
        self, request: pb.ListAuditEntriesRequest, context: grpc.ServicerContext
    ) -> pb.ListAuditEntriesResponse:
        action = clean_text(request.action, field="action", max_length=_LONGEST_ACTION)
        actor = None
        if request.actor_user_id:
            actor = parsed_id(request.actor_user_id, "actor_user_id")
        size, scope = page_size(request.page_size), f"audit:{action}:{actor}"
        after = self._page_place(scope, request.page_token)
        with self._parts.database.read() as connection:
            found = audit_entries_after(
                connection, action=action, actor_user_id=actor, after=after, limit=size + 1
            )
        page = found[:size]
        return pb.ListAuditEntriesResponse(
            entries=[_entry_message(entry) for entry in page],
            next_page_token=self._next_page(
                scope, page[-1].audit_entry_id if len(found) > size else None
            ),
        )


def _entry_message(entry: AuditEntry) -> pb.AuditEntry:
    return pb.AuditEntry(
        audit_entry_id=str(entry.audit_entry_id),
        actor_user_id="" if entry.actor_user_id is None else str(entry.actor_user_id),
        action=entry.action,
        subject=entry.subject,
        details_json=details_json(entry.details),
        address=entry.address,
        occurred_at=timestamp(entry.occurred_at),
    )
