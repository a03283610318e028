"""Accounts, tokens, profiles and preferences as JSON."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from gateway.resources.shapes import NAME, TEXT, Change, Input, Shape, when
from marquee.users.v1 import users_pb2 as pb

# What users checks after trimming is told here, and not checked twice.
Username = Annotated[
    str,
    Field(
        max_length=64,
        description="3 to 30 letters and digits of any script, and `_`, `.`, `-` after the first.",
        examples=["ada"],
        json_schema_extra={"format": "username", "minLength": 3, "maxLength": 30},
    ),
]
Email = Annotated[
    str,
    Field(
        max_length=320,
        description="E-mail address.",
        examples=["ada@example.org"],
        json_schema_extra={"format": "email", "maxLength": 254},
    ),
]
Password = Annotated[
    str, Field(max_length=512, description="The password.", examples=["correct horse battery"])
]
NewPassword = Annotated[
    str,
    Field(
        max_length=512,
        description="8 to 128 characters, none of the most common ones.",
        examples=["correct horse battery"],
        json_schema_extra={"format": "new-password", "minLength": 8, "maxLength": 128},
    ),
]


class RegisterInput(Input):
    """Body of `POST /auth/register`."""

    username: Username
    email: Email
    password: NewPassword


class RevokeInput(Input):
    """Body of `POST /auth/revoke`."""

    token: Annotated[
        str, Field(min_length=1, max_length=4096, description="A refresh or access token.")
    ]
    token_type_hint: Annotated[str, Field(description="Not needed, and not looked at.")] = ""


class PasswordResetInput(Input):
    """Body of `POST /auth/password-reset`."""

    email: Email


class NewPasswordInput(Input):
    """Body of `POST /auth/password-reset/confirm`."""

    token: Annotated[str, Field(max_length=512, description="The token that was mailed.")]
    new_password: NewPassword


class PasswordInput(Input):
    """Body of `PUT /me/password`."""

    current_password: Password
    new_password: NewPassword


class ErasureInput(Input):
    """Body of `DELETE /me`."""

    password: Password


Sections = dict[str, list[dict[str, Any]]]


class ExportShape(Shape):
    """Everything that is held on a person: by service and section, records as they are stored."""

    user_id: str = Field(description="Whose.")
    exported_at: str = Field(description="When it was collected.")
    users: Sections = Field(description="Account, profile, preferences, sessions, follows, audit.")
    interactions: Sections = Field(description="Favorites, ratings, watchlist, hidden, lists.")
    recommender: Sections = Field(description="What was recommended, and from what.")
    analytics: Sections = Field(description="Activity.")


class ErasureShape(Shape):
    """An erasure that has begun: the account is gone, everything else follows within seconds."""

    erasure_id: str = Field(description="UUID; all that will be known of it.")


class UserInput(Change):
    """Body of `PATCH /me`; what is left out stays."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["username"]}, {"required": ["email"]}]}
    )

    username: Username = ""
    email: Email = ""
    password: Annotated[
        str, Field(max_length=512, description="Current password, to change the e-mail address.")
    ] = ""


class ProfileInput(Change):
    """Body of `PATCH /me/profile`; what is left out stays."""

    display_name: Annotated[
        str,
        Field(
            max_length=80,
            description="Shown name, without invisible characters but joiners that a script or an "
            "emoji needs.",
            json_schema_extra={"pattern": NAME},
        ),
    ] = ""
    bio: Annotated[
        str, Field(max_length=1000, description="About you.", json_schema_extra={"pattern": TEXT})
    ] = ""
    country: (
        Annotated[
            str,
            StringConstraints(pattern=r"^([A-Z]{2})?$"),
            Field(
                description="ISO 3166-1 alpha-2; null or empty for none.",
                json_schema_extra={"format": "country"},
            ),
        ]
        | None
    ) = None
    favorite_genre_ids: Annotated[
        list[Annotated[int, Field(ge=1, le=2**31 - 1)]],
        Field(
            max_length=20,
            description="TMDb genre ids, none of them twice.",
            json_schema_extra={"uniqueItems": True},
        ),
    ] = Field(default_factory=list)


class PreferencesInput(Change):
    """Body of `PATCH /me/preferences`; what is left out stays."""

    email_notifications: bool = Field(default=True, description="Mails about the account.")
    recommendation_emails: bool = Field(default=True, description="Mails with recommendations.")
    include_adult_content: bool = Field(default=False, description="Show adult movies.")
    preferred_language: Annotated[
        str,
        StringConstraints(pattern=r"^[a-z]{2}(-[A-Z]{2})?$"),
        Field(
            description="ISO 639-1, optionally with a country.",
            json_schema_extra={"format": "language"},
        ),
    ] = "en"
    enable_collaborative_filtering: bool = Field(
        default=True, description="Recommend by what people of like taste liked."
    )
    enable_content_based_filtering: bool = Field(
        default=True, description="Recommend by what movies are about."
    )
    recommendation_diversity: Annotated[
        float,
        Field(ge=0, le=1, allow_inf_nan=False, description="0.0 best match, 1.0 most varied."),
    ] = 0.5
    profile_visibility: Literal["public", "friends", "private"] = Field(
        "public", description="Who sees the profile."
    )
    activity_tracking: Literal["full", "anonymous", "off"] = Field(
        "full", description="What activity may be stored."
    )


class UserShape(Shape):
    """An account."""

    user_id: str = Field(description="UUID.")
    username: str = Field(description="Name.")
    email: str = Field(description="Address.")
    role: str = Field(description="user or admin.")
    status: str = Field(description="active or disabled.")
    created_at: str = Field(description="When it was made.")
    updated_at: str = Field(description="When it last changed.")


class TokenShape(Shape):
    """Tokens of a session."""

    access_token: str = Field(description="EdDSA JWT, ten minutes.")
    refresh_token: str = Field(description="One-time; gives the next pair.")
    token_type: Literal["Bearer"] = Field(description="How to send it.")
    expires_in: int = Field(description="Seconds until the access token expires.")


class RegisteredShape(TokenShape):
    """A new account and its first session."""

    user: UserShape = Field(description="The account.")


class SessionShape(Shape):
    """A signed-in device."""

    session_id: str = Field(description="UUID.")
    address: str | None = Field(description="Truncated address.")
    agent: str | None = Field(description="User agent.")
    created_at: str = Field(description="When it signed in.")
    last_seen_at: str = Field(description="When it last refreshed.")
    current: bool = Field(description="Is it this one.")


class SessionPage(Shape):
    """A page of sessions."""

    items: list[SessionShape] = Field(description="Newest first.")
    next_page_token: str | None = Field(description="Null at the end.")


class ProfileShape(Shape):
    """What a person tells about themselves."""

    display_name: str = Field(description="Shown name.")
    bio: str = Field(description="About them.")
    country: str | None = Field(description="ISO 3166-1 alpha-2.")
    favorite_genre_ids: list[int] = Field(description="TMDb genre ids.")
    updated_at: str = Field(description="When it last changed.")


class PreferencesShape(Shape):
    """How a person wants to be treated."""

    email_notifications: bool = Field(description="Mails about the account.")
    recommendation_emails: bool = Field(description="Mails with recommendations.")
    include_adult_content: bool = Field(description="Show adult movies.")
    preferred_language: str = Field(description="ISO 639-1, optionally with a region.")
    enable_collaborative_filtering: bool = Field(description="Use other people's taste.")
    enable_content_based_filtering: bool = Field(description="Use what movies are about.")
    recommendation_diversity: float = Field(description="0.0 to 1.0.")
    profile_visibility: str = Field(description="public, friends or private.")
    activity_tracking: str = Field(description="full, anonymous or off.")
    updated_at: str = Field(description="When they last changed.")


class PublicProfileShape(Shape):
    """What others may see of a person."""

    username: str = Field(description="Name.")
    display_name: str = Field(description="Shown name.")
    bio: str = Field(description="About them.")
    country: str | None = Field(description="ISO 3166-1 alpha-2.")
    favorite_genre_ids: list[int] = Field(description="TMDb genre ids.")
    followers_count: int = Field(description="How many follow them.")
    following_count: int = Field(description="How many they follow.")
    is_friend: bool = Field(description="Do you follow each other.")
    is_followed: bool = Field(description="Do you follow them.")
    created_at: str = Field(description="When they registered.")


class FollowShape(Shape):
    """Somebody followed, or following."""

    username: str = Field(description="Name.")
    display_name: str = Field(description="Shown name.")
    is_friend: bool = Field(description="Do you follow each other.")
    followed_at: str = Field(description="Since when.")


class FollowPage(Shape):
    """A page of follows."""

    items: list[FollowShape] = Field(description="Newest first.")
    next_page_token: str | None = Field(description="Null at the end.")


def user_json(user: pb.User) -> dict[str, Any]:
    """An account."""
    return {
        "user_id": user.user_id,
        "username": user.username,
        "email": user.email,
        "role": user.role,
        "status": user.status,
        "created_at": when(user.created_at),
        "updated_at": when(user.updated_at),
    }


def token_json(tokens: pb.TokenPair) -> dict[str, Any]:
    """Tokens as RFC 6749 names them."""
    return {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "token_type": "Bearer",
        "expires_in": tokens.expires_in_seconds,
    }


def session_json(session: pb.Session) -> dict[str, Any]:
    """A signed-in device."""
    return {
        "session_id": session.session_id,
        "address": session.address or None,
        "agent": session.agent or None,
        "created_at": when(session.created_at),
        "last_seen_at": when(session.last_seen_at),
        "current": session.current,
    }


def profile_json(profile: pb.Profile) -> dict[str, Any]:
    """What a person tells about themselves."""
    return {
        "display_name": profile.display_name,
        "bio": profile.bio,
        "country": profile.country or None,
        "favorite_genre_ids": list(profile.favorite_genre_ids),
        "updated_at": when(profile.updated_at),
    }


def preferences_json(preferences: pb.Preferences) -> dict[str, Any]:
    """How a person wants to be treated."""
    names = PreferencesInput.model_fields
    found: dict[str, Any] = {name: getattr(preferences, name) for name in names}
    return found | {"updated_at": when(preferences.updated_at)}


def public_profile_json(profile: pb.PublicProfile) -> dict[str, Any]:
    """What others may see of a person."""
    return {
        "username": profile.username,
        "display_name": profile.display_name,
        "bio": profile.bio,
        "country": profile.country or None,
        "favorite_genre_ids": list(profile.favorite_genre_ids),
        "followers_count": profile.followers_count,
        "following_count": profile.following_count,
        "is_friend": profile.is_friend,
        "is_followed": profile.is_followed,
        "created_at": when(profile.created_at),
    }


def follow_json(follow: pb.Follow) -> dict[str, Any]:
    """Somebody followed, or following."""
    return {
        "username": follow.username,
        "display_name": follow.display_name,
        "is_friend": follow.is_friend,
        "followed_at": when(follow.followed_at),
    }
