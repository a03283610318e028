"""Starting and watching the sync."""

from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate

import grpc

from catalog import messages
from catalog.domain.sync import Admin, SyncRunNotFound
from catalog.operations import requesting
from catalog.rpc.frame import Frame, checked_uuid, scope
from catalog.store import quarantines, runs
from chassis.errors import Invalid
from chassis.identity import current
from chassis.paging import page_size
from chassis.rpc import client_address
from chassis.text import clean_text
from marquee.catalog.v1 import catalog_pb2 as pb

_REQUEST_ID_LENGTH = 200
_STATES = ("", "open", "retrying", "resolved")
_PAGE_BYTES = 2 * 1024 * 1024


class SyncServicer(Frame):
    """Runs and the quarantine."""

    def StartSync(
        self, request: pb.StartSyncRequest, context: grpc.ServicerContext
    ) -> pb.StartSyncResponse:
        request_id = clean_text(
            request.request_id, field="request_id", max_length=_REQUEST_ID_LENGTH
        )
        stage = clean_text(request.stage, field="stage", max_length=20)
        with self._database.begin() as connection:
            run = requesting.request_sync(
                connection,
                stage=stage,
                source=self._source,
                request_id=request_id,
                movie_ids=list(request.movie_ids),
                admin=self._admin(),
            )
        return pb.StartSyncResponse(run=messages.sync_run(run, self._now()))

    def ListSyncRuns(
        self, request: pb.ListSyncRunsRequest, context: grpc.ServicerContext
    ) -> pb.ListSyncRunsResponse:
        size, belongs, before = page_size(request.page_size), scope("sync runs"), None
        if request.page_token:
            (text,) = self._tokens.decode(belongs, request.page_token)
            before = checked_uuid(text, "page_token")
        with self._database.read() as connection:
            rows = runs.newest(connection, size + 1, before)
        token = ""
        if len(rows) > size:
            token = self._tokens.encode(belongs, [str(rows[size - 1]["sync_run_id"])])
        now = self._now()
        shown = [messages.sync_run(row, now) for row in rows[:size]]
        return pb.ListSyncRunsResponse(runs=shown, next_page_token=token)

    def GetSyncRun(
        self, request: pb.GetSyncRunRequest, context: grpc.ServicerContext
    ) -> pb.GetSyncRunResponse:
        run_id = checked_uuid(request.sync_run_id, "sync_run_id")
        with self._database.read() as connection:
            row = runs.find(connection, run_id)
        if row is None:
            raise SyncRunNotFound("there is no such run", sync_run_id=str(run_id))
        return pb.GetSyncRunResponse(run=messages.sync_run(row, self._now()))

    def ListQuarantine(
        self, request: pb.ListQuarantineRequest, context: grpc.ServicerContext
    ) -> pb.ListQuarantineResponse:
        size = page_size(request.page_size)
        if request.state not in _STATES:
            raise Invalid("must be open, retrying, resolved or empty", field="state")
        belongs, before = scope("quarantine", state=request.state), None
        if request.page_token:
            moment, entry_id = self._tokens.decode(belongs, request.page_token)
            before = datetime.fromisoformat(moment), checked_uuid(entry_id, "page_token")
        with self._database.read() as connection:
            rows = quarantines.newest(connection, size + 1, request.state, before)
        entries = _fitting([messages.quarantine_entry(row) for row in rows[:size]])
        token = ""
        if len(rows) > len(entries):
            last = rows[len(entries) - 1]
            place = [last["quarantined_at"].isoformat(), str(last["quarantine_entry_id"])]
            token = self._tokens.encode(belongs, place)
        return pb.ListQuarantineResponse(entries=entries, next_page_token=token)

    def RetryQuarantined(
        self, request: pb.RetryQuarantinedRequest, context: grpc.ServicerContext
    ) -> pb.RetryQuarantinedResponse:
        entry_id = checked_uuid(request.quarantine_entry_id, "quarantine_entry_id")
        with self._database.begin() as connection:
            entry = requesting.retry_quarantined(connection, entry_id, self._admin())
        return pb.RetryQuarantinedResponse(entry=messages.quarantine_entry(entry))

    def _admin(self) -> Admin | None:
        """Who is calling; None when a service does so by itself."""
        user_id = current().user_id
        return None if user_id is None else Admin(user_id, client_address(), self._now())


def _fitting(entries: Sequence[pb.QuarantineEntry]) -> list[pb.QuarantineEntry]:
    """As many as one answer may hold: bodies of 64 KiB each soon pass what gRPC carries."""
    sizes = accumulate(entry.ByteSize() for entry in entries)
    return [
        entry
        for number, (entry, size) in enumerate(zip(entries, sizes, strict=True))
        if number == 0 or size <= _PAGE_BYTES
    ]
