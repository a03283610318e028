"""What happens, told while it happens."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Header, Request
from fastapi.responses import StreamingResponse

from chassis.errors import Refusal, Unavailable
from gateway import context
from gateway.context import Context
from gateway.routes.frame import SignedIn, personal, refusals
from gateway.told import Told
from marquee.users.v1 import users_pb2

router = personal("stream", "/me/stream")
_NAME_TIMEOUT_SECONDS = 1.0
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_EXAMPLE = {
    "id": "1795767551233-0_0-0_0-0",
    "event": "recommendations_changed",
    "data": '{"cause":"interaction","changed_at":"2026-11-27T08:19:11.233Z"}',
}
_MOMENT = {"type": "string", "format": "date-time"}
_CHANGED = {
    "type": "object",
    "required": ["cause", "changed_at"],
    "properties": {
        "cause": {"enum": ["interaction", "import", "preferences", "model", "resumed"]},
        "changed_at": _MOMENT,
    },
}
_FOLLOWER = {
    "type": "object",
    "required": ["kind", "username", "occurred_at"],
    "properties": {
        "kind": {"const": "follower"},
        "username": {"type": ["string", "null"], "description": "As far as you may know it."},
        "occurred_at": _MOMENT,
    },
}
_RELEASED = {
    "type": "object",
    "required": ["kind", "movie_id", "title", "release_date", "occurred_at"],
    "properties": {
        "kind": {"const": "movie_released"},
        "movie_id": {"type": "integer"},
        "title": {"type": "string"},
        "release_date": {"type": "string", "format": "date"},
        "occurred_at": _MOMENT,
    },
}
# Of each event of the stream, as OpenAPI 3.1 has it.
_EVENT = {
    "type": "object",
    "required": ["id", "event", "data"],
    "properties": {
        "id": {"type": "string", "description": "For `Last-Event-ID`."},
        "event": {"enum": ["recommendations_changed", "notification"]},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"oneOf": [_CHANGED, _FOLLOWER, _RELEASED]},
        },
    },
}
_STREAM = {
    "description": "`recommendations_changed` and `notification`, as they happen.",
    "content": {"text/event-stream": {"schema": _EVENT, "example": _EXAMPLE}},
}


@router.get(
    "",
    summary="Follow what happens",
    response_class=StreamingResponse,
    responses=refusals(401, s200=_STREAM),
)
async def follow_stream(
    request: Request,
    caller: SignedIn,
    last_event_id: Annotated[
        str,
        Header(alias="Last-Event-ID", max_length=200, description="Where the last stream ended."),
    ] = "",
) -> StreamingResponse:
    """Server-Sent Events. It ends with the access token or the session; come back with a fresh
    token and `Last-Event-ID`, and what was missed in the last fifteen minutes is told first.

    `recommendations_changed`: `{cause, changed_at}`, the cause being interaction, import,
    preferences, model or resumed. `notification`: `{kind: follower, username, occurred_at}`, of
    who follows you once a day, or `{kind: movie_released, movie_id, title, release_date,
    occurred_at}`, of the watchlist."""
    here = context.of(request)
    if here.live.full:
        raise Unavailable("Too many listen here; try again.", retry_after_seconds=5)

    async def render(told: Told) -> Mapping[str, Any]:
        if told.sequence:
            await here.sequences.saw(caller.user_id, told.sequence)
        if not told.follower_id:
            return told.facts
        return {**told.facts, "username": await _name(here, told.follower_id, str(caller.user_id))}

    return StreamingResponse(
        here.live.listen(caller, request.app.state.door.good_until(caller), last_event_id, render),
        media_type="text/event-stream",
        headers=_HEADERS,
    )


async def _name(here: Context, user_id: str, viewer: str) -> str | None:
    """What somebody is called, as far as the viewer may know."""
    asked = users_pb2.BatchGetUsersRequest(user_ids=[user_id], viewer_user_id=viewer)
    try:
        reply = await here.services.users.BatchGetUsers(asked, timeout=_NAME_TIMEOUT_SECONDS)
    except Refusal:
        return None
    return next((card.username or None for card in reply.users), None)
