"""RPCs of profiles and preferences."""

from typing import Any
from uuid import UUID

import grpc

from chassis.identity import current
from chassis.text import clean_name, clean_text
from marquee.users.v1 import users_pb2 as pb
from users.domain.accounts import UserNotFound
from users.domain.profiles import (
    LONGEST_BIO,
    LONGEST_DISPLAY_NAME,
    ProfileNotFound,
    checked_country,
    checked_diversity,
    checked_genre_ids,
    checked_language,
    checked_tracking,
    checked_visibility,
)
from users.messages import preferences_message, profile_message, public_profile_message
from users.operations import profiles
from users.rpc.parts import Rpcs, changes, own_id
from users.store import profiles as rows
from users.store.follows import card_by_username


class ProfileRpcs(Rpcs):
    """What people tell about themselves, and how they want to be treated."""

    def GetProfile(
        self, request: pb.GetProfileRequest, context: grpc.ServicerContext
    ) -> pb.GetProfileResponse:
        with self._parts.database.read() as connection:
            profile = rows.profile_of(connection, own_id())
        if profile is None:
            raise _no_user()
        return pb.GetProfileResponse(profile=profile_message(profile))

    def UpdateProfile(
        self, request: pb.UpdateProfileRequest, context: grpc.ServicerContext
    ) -> pb.UpdateProfileResponse:
        values = _profile_changes(request)
        with self._parts.database.begin() as connection:
            profile, preferences_version = profiles.update_profile(
                connection, own_id(), values, etag=request.etag, at=self._parts.now()
            )
        return pb.UpdateProfileResponse(
            profile=profile_message(profile), preferences_version=preferences_version
        )

    def GetPreferences(
        self, request: pb.GetPreferencesRequest, context: grpc.ServicerContext
    ) -> pb.GetPreferencesResponse:
        with self._parts.database.read() as connection:
            preferences = rows.preferences_of(connection, own_id())
        if preferences is None:
            raise _no_user()
        return pb.GetPreferencesResponse(preferences=preferences_message(preferences))

    def UpdatePreferences(
        self, request: pb.UpdatePreferencesRequest, context: grpc.ServicerContext
    ) -> pb.UpdatePreferencesResponse:
        values = _preference_changes(request)
        with self._parts.database.begin() as connection:
            preferences = profiles.update_preferences(
                connection, own_id(), values, etag=request.etag, now=self._parts.now
            )
        return pb.UpdatePreferencesResponse(preferences=preferences_message(preferences))

    def GetPublicProfile(
        self, request: pb.GetPublicProfileRequest, context: grpc.ServicerContext
    ) -> pb.GetPublicProfileResponse:
        viewer_id: UUID | None = current().user_id
        with self._parts.database.read() as connection:
            card = card_by_username(connection, request.username, viewer_id)
            if card is None or not card.visible_to(viewer_id):
                raise ProfileNotFound("there is no such person, or they are not to be seen")
            profile = rows.profile_of(connection, card.user_id)
        genre_ids = () if profile is None else profile.favorite_genre_ids
        return pb.GetPublicProfileResponse(profile=public_profile_message(card, genre_ids))


def _no_user() -> UserNotFound:
    return UserNotFound("your account is no more")


def _profile_changes(request: pb.UpdateProfileRequest) -> dict[str, Any]:
    given = request.profile
    return changes(
        request.update_mask.paths,
        {
            "display_name": lambda: clean_name(
                given.display_name, field="display_name", max_length=LONGEST_DISPLAY_NAME
            ),
            "bio": lambda: clean_text(
                given.bio, field="bio", max_length=LONGEST_BIO, multiline=True
            ),
            "country": lambda: checked_country(given.country),
            "favorite_genre_ids": lambda: checked_genre_ids(given.favorite_genre_ids),
        },
    )


def _preference_changes(request: pb.UpdatePreferencesRequest) -> dict[str, Any]:
    given = request.preferences
    return changes(
        request.update_mask.paths,
        {
            "email_notifications": lambda: given.email_notifications,
            "recommendation_emails": lambda: given.recommendation_emails,
            "include_adult_content": lambda: given.include_adult_content,
            "preferred_language": lambda: checked_language(given.preferred_language),
            "enable_collaborative_filtering": lambda: given.enable_collaborative_filtering,
            "enable_content_based_filtering": lambda: given.enable_content_based_filtering,
            "recommendation_diversity": lambda: checked_diversity(given.recommendation_diversity),
            "profile_visibility": lambda: checked_visibility(given.profile_visibility),
            "activity_tracking": lambda: checked_tracking(given.activity_tracking),
        },
    )
