"""The caller's activity."""

from typing import Annotated, Any

import orjson
from fastapi import Body, Query, Request, Response

from gateway import context, idempotency
from gateway.entities import tagged
from gateway.problems import invalid
from gateway.resources import activity as shapes
from gateway.resources.shapes import page, stamp
from gateway.routes.frame import IdempotencyKey, SignedIn, personal, refusals
from marquee.analytics.v1 import analytics_pb2 as pb

router = personal("activity", "/me")
_LARGEST_METADATA = 4096


@router.get(
    "/activity",
    response_model=shapes.ActivityPage,
    summary="List your activity",
    responses=refusals(401),
)
async def list_activity(
    request: Request, caller: SignedIn, query: Annotated[shapes.ActivityQuery, Query()]
) -> Response:
    """What was stored of what you did, newest first."""
    reply = await context.of(request).services.analytics.ListActivity(
        pb.ListActivityRequest(
            activity_type=query.activity_type or "",
            page_size=query.size,
            page_token=query.page_token,
        ),
        metadata=caller.metadata,
    )
    items = [shapes.activity_json(activity) for activity in reply.activities]
    return tagged(request, page(items, reply.next_page_token))


@router.post(
    "/activity",
    status_code=202,
    response_model=shapes.AcceptedShape,
    summary="Record what your client saw",
    responses=refusals(401, 413),
)
async def record_activity(
    request: Request,
    caller: SignedIn,
    body: Annotated[shapes.ActivityInput, Body()],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Up to 100 events; the same `event_id` counts once. Stored only as far as you consent."""
    here = context.of(request)
    client = here.client(request)
    asked = pb.RecordActivityRequest(
        events=[_event(event, number) for number, event in enumerate(body.events)],
        address=client.address,
        agent=client.agent,
    )

    async def record(_request_id: str) -> tuple[int, Any]:
        reply = await here.services.analytics.RecordActivity(asked, metadata=caller.metadata)
        found = {"stored_count": reply.stored_count, "duplicate_count": reply.duplicate_count}
        return 202, found

    return await idempotency.once(request, caller, idempotency_key, record)


@router.delete(
    "/activity", status_code=204, summary="Delete your activity", responses=refusals(401)
)
async def delete_activity(
    request: Request, caller: SignedIn, query: Annotated[shapes.DeletionQuery, Query()]
) -> Response:
    """All of it, or all of one type."""
    await context.of(request).services.analytics.DeleteActivity(
        pb.DeleteActivityRequest(activity_type=query.activity_type or ""),
        metadata=caller.metadata,
    )
    return Response(status_code=204)


def _event(event: shapes.ClientEventInput, number: int) -> pb.ClientEvent:
    metadata = orjson.dumps(event.metadata).decode()
    if len(metadata) > _LARGEST_METADATA:
        raise invalid(f"/events/{number}/metadata", "must be at most 4 KiB of JSON")
    message = pb.ClientEvent(
        event_id=event.event_id,
        activity_type=event.activity_type,
        movie_id=event.movie_id or 0,
        metadata_json=metadata,
    )
    if event.occurred_at is not None:
        message.occurred_at.CopyFrom(stamp(event.occurred_at, f"/events/{number}/occurred_at"))
    return message
