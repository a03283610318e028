"""RPC of everything that is held on a person."""

import grpc

from chassis.export import export_page
from marquee.users.v1 import users_pb2 as pb
from users.rpc.parts import Rpcs, caller_address, own_id
from users.store.audit import AuditEntry, insert_audit_entry
from users.store.export import SECTIONS


class ExportRpcs(Rpcs):
    """The caller's own data, and a line in the audit log that they took it."""

    def ExportPersonalData(
        self, request: pb.ExportPersonalDataRequest, context: grpc.ServicerContext
    ) -> pb.ExportPersonalDataResponse:
        user_id = own_id()
        with self._parts.database.begin() as connection:
            if not request.page_token:
                at, whose = self._parts.now(), str(user_id)
                entry = AuditEntry("user.exported", at, user_id, whose, address=caller_address())
                insert_audit_entry(connection, entry)
            document, token = export_page(
                connection, SECTIONS, user_id, self._parts.page_tokens, request.page_token
            )
        return pb.ExportPersonalDataResponse(document_json=document, next_page_token=token)
