"""Domain to protobuf and back."""

import json
from datetime import datetime
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from marquee.users.v1 import events_pb2 as events
from marquee.users.v1 import users_pb2 as pb
from users.domain.accounts import Account
from users.domain.etags import etag
from users.domain.profiles import Card, Consent, Follow, Preferences, Profile
from users.domain.sessions import ACCESS_TOKEN_SECONDS, Session


def timestamp(moment: datetime) -> Timestamp:
    """A moment as protobuf has it."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def user_message(account: Account) -> pb.User:
    """An account, without what opens it."""
    return pb.User(
        user_id=str(account.user_id),
        username=account.username,
        email=account.email,
        role=account.role,
        status=account.status,
        created_at=timestamp(account.created_at),
        updated_at=timestamp(account.updated_at),
        etag=etag(account.version),
    )


def profile_message(profile: Profile) -> pb.Profile:
    """A profile as its owner sees it."""
    return pb.Profile(
        user_id=str(profile.user_id),
        display_name=profile.display_name,
        bio=profile.bio,
        country=profile.country,
        favorite_genre_ids=profile.favorite_genre_ids,
        etag=etag(profile.version),
        updated_at=timestamp(profile.updated_at),
    )


def preferences_message(preferences: Preferences) -> pb.Preferences:
    """Preferences as their owner sees them."""
    return pb.Preferences(
        user_id=str(preferences.user_id),
        email_notifications=preferences.email_notifications,
        recommendation_emails=preferences.recommendation_emails,
        include_adult_content=preferences.include_adult_content,
        preferred_language=preferences.preferred_language,
        enable_collaborative_filtering=preferences.enable_collaborative_filtering,
        enable_content_based_filtering=preferences.enable_content_based_filtering,
        recommendation_diversity=preferences.recommendation_diversity,
        profile_visibility=preferences.profile_visibility,
        activity_tracking=preferences.activity_tracking,
        version=preferences.version,
        etag=etag(preferences.version),
        updated_at=timestamp(preferences.updated_at),
    )


def consent_message(consent: Consent) -> pb.Consent:
    """What of somebody's activity may be stored, and since when."""
    message = pb.Consent(user_id=str(consent.user_id), activity_tracking=consent.activity_tracking)
    if consent.stored_since is not None:
        message.stored_since.FromDatetime(consent.stored_since)
    if consent.named_since is not None:
        message.named_since.FromDatetime(consent.named_since)
    return message


def preferences_changed(
    preferences: Preferences, favorite_genre_ids: tuple[int, ...]
) -> events.PreferencesChanged:
    """The fact that replicas of taste and consent live on."""
    return events.PreferencesChanged(
        user_id=str(preferences.user_id),
        version=preferences.version,
        include_adult_content=preferences.include_adult_content,
        preferred_language=preferences.preferred_language,
        enable_collaborative_filtering=preferences.enable_collaborative_filtering,
        enable_content_based_filtering=preferences.enable_content_based_filtering,
        recommendation_diversity=preferences.recommendation_diversity,
        activity_tracking=preferences.activity_tracking,
        profile_visibility=preferences.profile_visibility,
        favorite_genre_ids=favorite_genre_ids,
        recommendation_emails=preferences.recommendation_emails,
        changed_at=timestamp(preferences.updated_at),
    )


def token_pair_message(access_token: str, refresh_token: str, session_id: UUID) -> pb.TokenPair:
    """What a sign-in gives."""
    return pb.TokenPair(
        access_token=access_token,
        refresh_token=refresh_token,
        expires_in_seconds=ACCESS_TOKEN_SECONDS,
        session_id=str(session_id),
    )


def session_message(session: Session, *, current: bool) -> pb.Session:
    """One signed-in device."""
    return pb.Session(
        session_id=str(session.session_id),
        address=session.address,
        agent=session.agent,
        created_at=timestamp(session.created_at),
        last_seen_at=timestamp(session.last_seen_at),
        current=current,
    )


def public_profile_message(card: Card, favorite_genre_ids: tuple[int, ...]) -> pb.PublicProfile:
    """A person as the viewer may see them."""
    return pb.PublicProfile(
        user_id=str(card.user_id),
        username=card.username,
        display_name=card.display_name,
        bio=card.bio,
        country=card.country,
        favorite_genre_ids=favorite_genre_ids,
        followers_count=card.followers_count,
        following_count=card.following_count,
        is_friend=card.is_friend,
        is_followed=card.is_followed,
        created_at=timestamp(card.created_at),
    )


def card_message(card: Card, viewer_id: UUID | None) -> pb.UserCard:
    """A name, where the viewer may know it."""
    visible = card.visible_to(viewer_id)
    return pb.UserCard(
        user_id=str(card.user_id),
        username=card.username if visible else "",
        display_name=card.display_name if visible else "",
        is_friend=card.is_friend,
        visible=visible,
    )


def follow_message(follow: Follow) -> pb.Follow:
    """One end of a follow."""
    return pb.Follow(
        username=follow.username,
        display_name=follow.display_name,
        is_friend=follow.is_friend,
        followed_at=timestamp(follow.followed_at),
    )


def details_json(details: dict[str, object]) -> str:
    """An audit entry's details."""
    return json.dumps(details, ensure_ascii=False, sort_keys=True)
