"""What admins do: accounts, the sync, models and the audit log."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Body, Path, Query, Request, Response

from gateway import context, idempotency
from gateway.entities import tagged
from gateway.resources import admin as shapes
from gateway.resources.shapes import Page, page
from gateway.resources.users import UserShape, user_json
from gateway.routes.frame import Admin, IdempotencyKey, personal, refusals
from marquee.catalog.v1 import catalog_pb2
from marquee.recommender.v1 import recommender_pb2
from marquee.users.v1 import users_pb2

router = personal("admin", "/admin")


@router.get(
    "/users",
    response_model=shapes.UserPage,
    summary="Search accounts",
    responses=refusals(401, 403),
)
async def list_users(
    request: Request, caller: Admin, query: Annotated[shapes.UsersQuery, Query()]
) -> Response:
    """Accounts, newest first."""
    reply = await context.of(request).services.users.ListUsers(
        users_pb2.ListUsersRequest(
            query=query.q,
            role=query.role or "",
            status=query.status or "",
            page_size=query.size,
            page_token=query.page_token,
        ),
        metadata=caller.metadata,
    )
    return tagged(request, page([user_json(one) for one in reply.users], reply.next_page_token))


@router.patch(
    "/users/{user_id}",
    response_model=UserShape,
    summary="Change an account's access",
    responses=refusals(401, 403, 404, 409),
)
async def update_user_access(
    request: Request,
    caller: Admin,
    user_id: Annotated[UUID, Path(description="Whose.")],
    body: Annotated[shapes.AccessInput, Body()],
) -> Response:
    """Disable or enable it, or change its role."""
    reply = await context.of(request).services.users.UpdateUserAccess(
        users_pb2.UpdateUserAccessRequest(user_id=str(user_id), **body.given()),
        metadata=context.of(request).audited(request, caller),
    )
    return tagged(request, user_json(reply.user), etag=reply.user.etag)


@router.get(
    "/audit-log",
    response_model=shapes.AuditPage,
    summary="List the audit log",
    responses=refusals(401, 403),
)
async def list_audit_log(
    request: Request, caller: Admin, query: Annotated[shapes.AuditQuery, Query()]
) -> Response:
    """Who did what, newest first."""
    reply = await context.of(request).services.users.ListAuditEntries(
        users_pb2.ListAuditEntriesRequest(
            action=query.action,
            actor_user_id=str(query.actor_user_id or ""),
            page_size=query.size,
            page_token=query.page_token,
        ),
        metadata=caller.metadata,
    )
    items = [shapes.audit_json(one, _details(one.details_json)) for one in reply.entries]
    return tagged(request, page(items, reply.next_page_token))


@router.post(
    "/sync",
    status_code=202,
    response_model=shapes.SyncRunShape,
    summary="Start a sync",
    responses=refusals(401, 403, 409),
)
async def start_sync(
    request: Request,
    caller: Admin,
    body: Annotated[shapes.SyncInput, Body()],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Starts a stage as a job; watch it under `/admin/sync/runs`."""
    here = context.of(request)

    async def start(request_id: str) -> tuple[int, Any]:
        reply = await here.services.catalog.StartSync(
            catalog_pb2.StartSyncRequest(
                stage=body.stage, request_id=request_id, movie_ids=body.movie_ids
            ),
            metadata=here.audited(request, caller),
        )
        return 202, shapes.run_json(reply.run)

    return await idempotency.once(request, caller, idempotency_key, start)


@router.get(
    "/sync/runs",
    response_model=shapes.SyncRunPage,
    summary="List runs of the sync",
    responses=refusals(401, 403),
)
async def list_sync_runs(
    request: Request, caller: Admin, query: Annotated[Page, Query()]
) -> Response:
    """Newest first."""
    reply = await context.of(request).services.catalog.ListSyncRuns(
        catalog_pb2.ListSyncRunsRequest(page_size=query.size, page_token=query.page_token),
        metadata=caller.metadata,
    )
    items = [shapes.run_json(run) for run in reply.runs]
    return tagged(request, page(items, reply.next_page_token))


@router.get(
    "/sync/runs/{run_id}",
    response_model=shapes.SyncRunShape,
    summary="Get a run of the sync",
    responses=refusals(401, 403, 404),
)
async def get_sync_run(
    request: Request, caller: Admin, run_id: Annotated[UUID, Path(description="Which.")]
) -> Response:
    """How far it is."""
    reply = await context.of(request).services.catalog.GetSyncRun(
        catalog_pb2.GetSyncRunRequest(sync_run_id=str(run_id)), metadata=caller.metadata
    )
    return tagged(request, shapes.run_json(reply.run))


@router.get(
    "/sync/quarantine",
    response_model=shapes.QuarantinePage,
    summary="List quarantined records",
    responses=refusals(401, 403),
)
async def list_quarantine(
    request: Request, caller: Admin, query: Annotated[shapes.QuarantineQuery, Query()]
) -> Response:
    """Records that could not be loaded, newest first."""
    reply = await context.of(request).services.catalog.ListQuarantine(
        catalog_pb2.ListQuarantineRequest(
            state=query.state or "", page_size=query.size, page_token=query.page_token
        ),
        metadata=caller.metadata,
    )
    items = [shapes.quarantine_json(entry) for entry in reply.entries]
    return tagged(request, page(items, reply.next_page_token))


@router.post(
    "/sync/quarantine/{entry_id}/retry",
    status_code=202,
    response_model=shapes.QuarantineShape,
    summary="Retry a quarantined record",
    responses=refusals(401, 403, 404),
)
async def retry_quarantined(
    request: Request, caller: Admin, entry_id: Annotated[UUID, Path(description="Which.")]
) -> Response:
    """Puts it back into the sync's queue."""
    reply = await context.of(request).services.catalog.RetryQuarantined(
        catalog_pb2.RetryQuarantinedRequest(quarantine_entry_id=str(entry_id)),
        metadata=context.of(request).audited(request, caller),
    )
    return tagged(request, shapes.quarantine_json(reply.entry), status=202)


@router.get(
    "/models",
    response_model=shapes.ModelPage,
    summary="List models",
    responses=refusals(401, 403),
)
async def list_models(request: Request, caller: Admin, query: Annotated[Page, Query()]) -> Response:
    """Recommender models with their measured quality, newest first."""
    reply = await context.of(request).services.recommender.ListModels(
        recommender_pb2.ListModelsRequest(page_size=query.size, page_token=query.page_token),
        metadata=caller.metadata,
    )
    items = [shapes.model_json(model) for model in reply.models]
    return tagged(request, page(items, reply.next_page_token))


@router.post(
    "/models/train",
    status_code=202,
    response_model=shapes.TrainingShape,
    summary="Train a model",
    responses=refusals(401, 403, 409),
)
async def train_model(
    request: Request, caller: Admin, idempotency_key: IdempotencyKey = None
) -> Response:
    """Starts a training as a job; the model is promoted only if it is not worse."""
    here = context.of(request)

    async def train(request_id: str) -> tuple[int, Any]:
        reply = await here.services.recommender.TrainModel(
            recommender_pb2.TrainModelRequest(request_id=request_id),
            metadata=here.audited(request, caller),
        )
        return 202, shapes.training_json(reply.training)

    return await idempotency.once(request, caller, idempotency_key, train)


@router.post(
    "/models/{version}/promote",
    response_model=shapes.ModelShape,
    summary="Promote a model",
    responses=refusals(401, 403, 404, 409),
)
async def promote_model(
    request: Request,
    caller: Admin,
    version: Annotated[str, Path(min_length=1, max_length=100, description="Which.")],
) -> Response:
    """Makes it the live one; an older one rolls back."""
    reply = await context.of(request).services.recommender.PromoteModel(
        recommender_pb2.PromoteModelRequest(model_version=version),
        metadata=context.of(request).audited(request, caller),
    )
    return tagged(request, shapes.model_json(reply.model))


def _details(text: str) -> dict[str, Any]:
    return orjson.loads(text or "{}")
