"""The caller's account, sessions, profile and preferences."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import Body, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from google.protobuf.field_mask_pb2 import FieldMask

from gateway import context, exporting
from gateway.context import Context
from gateway.entities import expected, tagged
from gateway.limits import Limit
from gateway.problems import invalid
from gateway.resources import users as shapes
from gateway.resources.activity import StatsShape, stats_json
from gateway.resources.shapes import Page, answer, page
from gateway.routes.frame import IfMatch, SignedIn, personal, refusals
from marquee.analytics.v1 import analytics_pb2
from marquee.interactions.v1 import interactions_pb2
from marquee.recommender.v1 import recommender_pb2
from marquee.users.v1 import users_pb2 as pb

router = personal("me", "/me")
_EXPORT_WINDOW_SECONDS = 600
_EXPORT_PAGE_SECONDS = 10.0
Username = Annotated[str, Path(min_length=1, max_length=64, description="Whom.")]


@router.get(
    "", response_model=shapes.UserShape, summary="Get your account", responses=refusals(401)
)
async def get_me(request: Request, caller: SignedIn) -> Response:
    """Your account."""
    reply = await context.of(request).services.users.GetUser(
        pb.GetUserRequest(), metadata=caller.metadata
    )
    return tagged(request, shapes.user_json(reply.user), etag=reply.user.etag)


@router.patch(
    "",
    response_model=shapes.UserShape,
    summary="Change your account",
    responses=refusals(401, 403, 409, 412),
)
async def update_me(
    request: Request,
    caller: SignedIn,
    body: Annotated[shapes.UserInput, Body()],
    if_match: IfMatch = None,
) -> Response:
    """Change username or e-mail address; the latter needs the password."""
    given = body.given()
    password = given.pop("password", "")
    if not given:
        raise invalid("", "must name a username or an e-mail address")
    reply = await context.of(request).services.users.UpdateUser(
        pb.UpdateUserRequest(
            user=pb.User(**given),
            update_mask=FieldMask(paths=sorted(given)),
            etag=expected(if_match),
            password=password,
        ),
        metadata=context.of(request).audited(request, caller),
        timeout=10.0,
    )
    return tagged(request, shapes.user_json(reply.user), etag=reply.user.etag)


@router.delete(
    "",
    status_code=202,
    response_model=shapes.ErasureShape,
    summary="Erase yourself",
    responses=refusals(401, 403, 404, 409, 429),
)
async def delete_me(
    request: Request, caller: SignedIn, body: Annotated[shapes.ErasureInput, Body()]
) -> Response:
    """Your account and your tokens end at once; every service deletes what it holds of you."""
    here = context.of(request)
    reply = await here.services.users.DeleteUser(
        pb.DeleteUserRequest(password=body.password), metadata=caller.metadata, timeout=10.0
    )
    request.app.state.door.close_to(caller)
    here.languages.drop(caller.user_id)
    return answer({"erasure_id": reply.erasure_id}, status=202)


@router.put(
    "/password", status_code=204, summary="Change your password", responses=refusals(401, 403, 429)
)
async def change_password(
    request: Request, caller: SignedIn, body: Annotated[shapes.PasswordInput, Body()]
) -> Response:
    """Your other sessions are revoked."""
    await context.of(request).services.users.ChangePassword(
        pb.ChangePasswordRequest(
            current_password=body.current_password, new_password=body.new_password
        ),
        metadata=context.of(request).audited(request, caller),
        timeout=10.0,
    )
    return Response(status_code=204)


@router.get(
    "/sessions",
    response_model=shapes.SessionPage,
    summary="List your sessions",
    responses=refusals(401),
)
async def list_sessions(
    request: Request, caller: SignedIn, query: Annotated[Page, Query()]
) -> Response:
    """Signed-in devices, newest first."""
    asked = pb.ListSessionsRequest(page_size=query.size, page_token=query.page_token)
    reply = await context.of(request).services.users.ListSessions(asked, metadata=caller.metadata)
    items = [shapes.session_json(session) for session in reply.sessions]
    return tagged(request, page(items, reply.next_page_token))


@router.delete(
    "/sessions/{session_id}", status_code=204, summary="End a session", responses=refusals(401, 404)
)
async def revoke_session(
    request: Request, caller: SignedIn, session_id: Annotated[UUID, Path(description="Which.")]
) -> Response:
    """Its access tokens are good no more."""
    await context.of(request).services.users.RevokeSession(
        pb.RevokeSessionRequest(session_id=str(session_id)),
        metadata=context.of(request).audited(request, caller),
    )
    return Response(status_code=204)


@router.get(
    "/profile",
    response_model=shapes.ProfileShape,
    summary="Get your profile",
    responses=refusals(401),
)
async def get_profile(request: Request, caller: SignedIn) -> Response:
    """Your profile."""
    reply = await context.of(request).services.users.GetProfile(
        pb.GetProfileRequest(), metadata=caller.metadata
    )
    return tagged(request, shapes.profile_json(reply.profile), etag=reply.profile.etag)


@router.patch(
    "/profile",
    response_model=shapes.ProfileShape,
    summary="Change your profile",
    responses=refusals(401, 412),
)
async def update_profile(
    request: Request,
    caller: SignedIn,
    body: Annotated[shapes.ProfileInput, Body()],
    if_match: IfMatch = None,
) -> Response:
    """What is left out stays; favorite genres count in the very next recommendations."""
    here = context.of(request)
    given = body.given()
    reply = await here.services.users.UpdateProfile(
        pb.UpdateProfileRequest(
            profile=pb.Profile(**given),
            update_mask=FieldMask(paths=sorted(given)),
            etag=expected(if_match),
        ),
        metadata=caller.metadata,
    )
    await here.preferences.saw(caller.user_id, reply.preferences_version)
    return tagged(request, shapes.profile_json(reply.profile), etag=reply.profile.etag)


@router.get(
    "/preferences",
    response_model=shapes.PreferencesShape,
    summary="Get your preferences",
    responses=refusals(401),
)
async def get_preferences(request: Request, caller: SignedIn) -> Response:
    """Your preferences."""
    reply = await context.of(request).services.users.GetPreferences(
        pb.GetPreferencesRequest(), metadata=caller.metadata
    )
    found = shapes.preferences_json(reply.preferences)
    return tagged(request, found, etag=reply.preferences.etag)


@router.patch(
    "/preferences",
    response_model=shapes.PreferencesShape,
    summary="Change your preferences",
    responses=refusals(401, 412),
)
async def update_preferences(
    request: Request,
    caller: SignedIn,
    body: Annotated[shapes.PreferencesInput, Body()],
    if_match: IfMatch = None,
) -> Response:
    """What is left out stays; they count in the very next answer."""
    here = context.of(request)
    given = body.given()
    reply = await here.services.users.UpdatePreferences(
        pb.UpdatePreferencesRequest(
            preferences=pb.Preferences(**given),
            update_mask=FieldMask(paths=sorted(given)),
            etag=expected(if_match),
        ),
        metadata=caller.metadata,
    )
    here.languages.drop(caller.user_id)
    await here.preferences.saw(caller.user_id, reply.preferences.version)
    found = shapes.preferences_json(reply.preferences)
    return tagged(request, found, etag=reply.preferences.etag)


@router.get(
    "/stats", response_model=StatsShape, summary="Get your numbers", responses=refusals(401)
)
async def get_stats(request: Request, caller: SignedIn) -> Response:
    """Counts, genres, rating histogram and streaks."""
    here = context.of(request)
    interactions, activity, genres = await asyncio.gather(
        here.services.interactions.GetInteractionStats(
            interactions_pb2.GetInteractionStatsRequest(), metadata=caller.metadata
        ),
        here.services.analytics.GetActivityStats(
            analytics_pb2.GetActivityStatsRequest(), metadata=caller.metadata
        ),
        here.genre_names(await here.language(request, caller)),
    )
    return tagged(request, stats_json(interactions, activity, genres))


@router.get(
    "/export",
    response_model=shapes.ExportShape,
    summary="Export everything",
    responses=refusals(401, 429),
)
async def export_me(request: Request, caller: SignedIn) -> Response:
    """Everything every service holds on you, as one document, sent as it is collected."""
    here = context.of(request)
    limit = Limit("export", here.settings.export_limit, _EXPORT_WINDOW_SECONDS)
    await here.limits.take(limit, str(caller.user_id), request)
    fetch = _exports(here, here.audited(request, caller))
    pages = await asyncio.gather(*[one("") for one in fetch.values()])
    first = dict(zip(fetch, pages, strict=True))
    return StreamingResponse(
        exporting.document(str(caller.user_id), first, fetch),
        media_type="application/json",
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": 'attachment; filename="marquee-export.json"',
        },
    )


def _exports(here: Context, metadata: tuple[tuple[str, str], ...]) -> dict[str, exporting.Fetch]:
    """Each service's pages by their token; only services that hold anything on people."""
    services = here.services
    asked = {
        "users": (services.users.ExportPersonalData, pb.ExportPersonalDataRequest),
        "interactions": (
            services.interactions.ExportPersonalData,
            interactions_pb2.ExportPersonalDataRequest,
        ),
        "recommender": (
            services.recommender.ExportPersonalData,
            recommender_pb2.ExportPersonalDataRequest,
        ),
        "analytics": (
            services.analytics.ExportPersonalData,
            analytics_pb2.ExportPersonalDataRequest,
        ),
    }

    def fetching(call: Any, asking: Any) -> exporting.Fetch:
        return lambda token: call(
            asking(page_token=token), metadata=metadata, timeout=_EXPORT_PAGE_SECONDS
        )

    return {name: fetching(call, asking) for name, (call, asking) in asked.items()}


social = personal("social", "/me")


@social.put(
    "/following/{username}",
    response_model=shapes.FollowShape,
    summary="Follow somebody",
    responses=refusals(
        401, 404, 409, s201={"model": shapes.FollowShape, "description": "Followed from now on."}
    ),
)
async def follow_user(request: Request, caller: SignedIn, username: Username) -> Response:
    """201 the first time, 200 after."""
    reply = await context.of(request).services.users.FollowUser(
        pb.FollowUserRequest(username=username), metadata=caller.metadata
    )
    status = 201 if reply.created else 200
    return tagged(request, shapes.follow_json(reply.follow), status=status)


@social.delete(
    "/following/{username}", status_code=204, summary="Unfollow somebody", responses=refusals(401)
)
async def unfollow_user(request: Request, caller: SignedIn, username: Username) -> Response:
    """204 also when they were not followed."""
    await context.of(request).services.users.UnfollowUser(
        pb.UnfollowUserRequest(username=username), metadata=caller.metadata
    )
    return Response(status_code=204)


@social.get(
    "/following",
    response_model=shapes.FollowPage,
    summary="List whom you follow",
    responses=refusals(401),
)
async def list_following(
    request: Request, caller: SignedIn, query: Annotated[Page, Query()]
) -> Response:
    """Newest first."""
    asked = pb.ListFollowingRequest(page_size=query.size, page_token=query.page_token)
    reply = await context.of(request).services.users.ListFollowing(asked, metadata=caller.metadata)
    items = [shapes.follow_json(follow) for follow in reply.following]
    return tagged(request, page(items, reply.next_page_token))


@social.get(
    "/followers",
    response_model=shapes.FollowPage,
    summary="List who follows you",
    responses=refusals(401),
)
async def list_followers(
    request: Request, caller: SignedIn, query: Annotated[Page, Query()]
) -> Response:
    """Newest first."""
    asked = pb.ListFollowersRequest(page_size=query.size, page_token=query.page_token)
    reply = await context.of(request).services.users.ListFollowers(asked, metadata=caller.metadata)
    items = [shapes.follow_json(follow) for follow in reply.followers]
    return tagged(request, page(items, reply.next_page_token))
