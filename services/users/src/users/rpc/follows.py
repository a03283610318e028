"""RPCs of following people."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import grpc

from chassis.paging import page_size
from marquee.users.v1 import users_pb2 as pb
from users.domain.profiles import Follow
from users.messages import follow_message
from users.operations import follows
from users.rpc.parts import Rpcs, own_id
from users.store import follows as rows
from users.store.follows import FollowPlace


class FollowRpcs(Rpcs):
    """Friends are those who follow each other."""

    def FollowUser(
        self, request: pb.FollowUserRequest, context: grpc.ServicerContext
    ) -> pb.FollowUserResponse:
        with self._parts.database.begin() as connection:
            follow, created = follows.follow_user(
                connection, own_id(), request.username, self._parts.now
            )
        return pb.FollowUserResponse(follow=follow_message(follow), created=created)

    def UnfollowUser(
        self, request: pb.UnfollowUserRequest, context: grpc.ServicerContext
    ) -> pb.UnfollowUserResponse:
        with self._parts.database.begin() as connection:
            removed = follows.unfollow_user(connection, own_id(), request.username, self._parts.now)
        return pb.UnfollowUserResponse(removed=removed)

    def ListFollowing(
        self, request: pb.ListFollowingRequest, context: grpc.ServicerContext
    ) -> pb.ListFollowingResponse:
        page, token = self._page("following", rows.following_of, request)
        return pb.ListFollowingResponse(
            following=[follow_message(follow) for follow in page], next_page_token=token
        )

    def ListFollowers(
        self, request: pb.ListFollowersRequest, context: grpc.ServicerContext
    ) -> pb.ListFollowersResponse:
        page, token = self._page("followers", rows.followers_of, request)
        return pb.ListFollowersResponse(
            followers=[follow_message(follow) for follow in page], next_page_token=token
        )

    def _page(
        self,
        name: str,
        follows_of: Callable[..., list[Follow]],
        request: pb.ListFollowingRequest | pb.ListFollowersRequest,
    ) -> tuple[list[Follow], str]:
        user_id, size = own_id(), page_size(request.page_size)
        scope, tokens = f"{name}:{user_id}", self._parts.page_tokens
        after: FollowPlace | None = None
        if request.page_token:
            followed_at, other_id = tokens.decode(scope, request.page_token)
            after = FollowPlace(datetime.fromisoformat(followed_at), UUID(other_id))
        with self._parts.database.read() as connection:
            found = follows_of(connection, user_id, after=after, limit=size + 1)
        page = found[:size]
        if len(found) <= size:
            return page, ""
        return page, tokens.encode(scope, [page[-1].followed_at.isoformat(), str(page[-1].user_id)])
