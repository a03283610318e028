"""Other people's public profiles."""

from typing import Annotated

from fastapi import Path, Request, Response

from gateway import context
from gateway.entities import tagged
from gateway.resources.users import PublicProfileShape, public_profile_json
from gateway.routes.frame import Visitor, public, refusals
from marquee.users.v1 import users_pb2 as pb

router = public("social")


@router.get(
    "/users/{username}",
    response_model=PublicProfileShape,
    summary="Get a public profile",
    responses=refusals(404),
)
async def get_public_profile(
    request: Request,
    caller: Visitor,
    username: Annotated[str, Path(min_length=1, max_length=64, description="Whose.")],
) -> Response:
    """What their visibility lets you see; a hidden profile is 404."""
    reply = await context.of(request).services.users.GetPublicProfile(
        pb.GetPublicProfileRequest(username=username),
        metadata=caller.metadata if caller else None,
    )
    return tagged(request, public_profile_json(reply.profile))
