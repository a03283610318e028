"""Kept pages of recommendations, in front of everything that would make them again."""

from typing import Final

from fastapi import FastAPI, Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis.errors import Refusal
from gateway.auth import Door
from gateway.context import Context
from gateway.entities import tagged_bytes

PATH: Final = "/api/v1/me/recommendations"


class Kept:
    """Answers who has asked the same before and done nothing since; `next_app` answers the rest.

    Pure ASGI, as a page costs a third of what it would behind routing and validation: a query
    that was never valid has no page.
    """

    def __init__(self, app: FastAPI, next_app: ASGIApp) -> None:
        self._app = app
        self._next = next_app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "GET"
        answer = await self._answer(Request(scope)) if asked else None
        await (answer or self._next)(scope, receive, send)

    async def _answer(self, request: Request) -> Response | None:
        here: Context = self._app.state.context
        door: Door = self._app.state.door
        try:
            caller = await door.person(request.headers.get("authorization", ""))
        except Refusal:
            return None  # the route says so, as every route does
        known = await here.known(request, caller)
        question = (caller.user_id, request.scope["query_string"], known.language)
        page = here.pages.find(question, known.sequence, known.preferences_version)
        if page is None:
            return None
        here.saw_recommendations(request, caller, kind=page.type, movies_count=page.movies_count)
        request.scope["ready_route"] = PATH
        return tagged_bytes(request, page.body, page.etag)
