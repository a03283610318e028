"""Tables of the users service."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from chassis import tables as chassis_tables
from chassis.database import metadata_naming, timestamps

metadata = sa.MetaData(naming_convention=metadata_naming)
chassis_tables.attach(metadata)

erasure = metadata.tables["erasure"]

_MOMENT = sa.DateTime(timezone=True)
_EMPTY = sa.text("''")


def _user_id(*, primary_key: bool = False) -> sa.Column[object]:
    return sa.Column(
        "user_id",
        sa.Uuid,
        sa.ForeignKey("user.user_id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
    )


def _version() -> sa.Column[int]:
    return sa.Column("version", sa.BigInteger, nullable=False, server_default="1")


def _flag(name: str, default: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.text(default))


user = sa.Table(
    "user",
    metadata,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("username", sa.Text, nullable=False),
    # Folded spellings: lower() of PostgreSQL knows neither NFKC nor full case folding.
    sa.Column("username_key", sa.Text, nullable=False),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("email_key", sa.Text, nullable=False),
    sa.Column("password_hash", sa.Text),
    sa.Column("role", sa.Text, nullable=False, server_default="user"),
    sa.Column("status", sa.Text, nullable=False, server_default="active"),
    _version(),
    *timestamps(),
    sa.UniqueConstraint("username_key", name="user_username_key"),
    sa.UniqueConstraint("email_key", name="user_email_key"),
    sa.CheckConstraint("role in ('user', 'admin')", name="role"),
    sa.CheckConstraint("status in ('active', 'disabled')", name="status"),
    sa.Index("user_role_idx", "role", postgresql_where=sa.text("role <> 'user'")),
    sa.Index("user_disabled_idx", "user_id", postgresql_where=sa.text("status = 'disabled'")),
)

profile = sa.Table(
    "profile",
    metadata,
    _user_id(primary_key=True),
    sa.Column("display_name", sa.Text, nullable=False, server_default=_EMPTY),
    sa.Column("bio", sa.Text, nullable=False, server_default=_EMPTY),
    sa.Column("country", sa.Text, nullable=False, server_default=_EMPTY),
    sa.Column("followers_count", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("following_count", sa.BigInteger, nullable=False, server_default="0"),
    _version(),
    *timestamps(),
    sa.CheckConstraint("char_length(display_name) <= 80", name="display_name"),
    sa.CheckConstraint("char_length(bio) <= 1000", name="bio"),
    sa.CheckConstraint("country = '' or country ~ '^[A-Z]{2}$'", name="country"),
)

profile_favorite_genre = sa.Table(
    "profile_favorite_genre",
    metadata,
    sa.Column(
        "user_id",
        sa.Uuid,
        sa.ForeignKey("profile.user_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("genre_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("position", sa.SmallInteger, nullable=False),
    *timestamps(),
)

preferences = sa.Table(
    "preferences",
    metadata,
    _user_id(primary_key=True),
    _flag("email_notifications", "true"),
    _flag("recommendation_emails", "false"),
    _flag("include_adult_content", "false"),
    sa.Column("preferred_language", sa.Text, nullable=False, server_default="en"),
    _flag("enable_collaborative_filtering", "true"),
    _flag("enable_content_based_filtering", "true"),
    sa.Column(
        "recommendation_diversity", sa.Double, nullable=False, server_default=sa.text("0.25")
    ),
    sa.Column("profile_visibility", sa.Text, nullable=False, server_default="public"),
    sa.Column("activity_tracking", sa.Text, nullable=False, server_default="full"),
    # Since when tracking has not been off, and since when full; null where it always was so.
    sa.Column("stored_since", _MOMENT),
    sa.Column("named_since", _MOMENT),
    # Monday of the week of the last mail with recommendations.
    sa.Column("recommendations_mailed_for", sa.Date),
    _version(),
    *timestamps(),
    sa.CheckConstraint("recommendation_diversity between 0.0 and 1.0", name="diversity"),
    sa.CheckConstraint("profile_visibility in ('public', 'friends', 'private')", name="visibility"),
    sa.CheckConstraint("activity_tracking in ('full', 'anonymous', 'off')", name="tracking"),
)

session = sa.Table(
    "session",
    metadata,
    sa.Column("session_id", sa.Uuid, primary_key=True),
    _user_id(),
    sa.Column("address", sa.Text, nullable=False, server_default=_EMPTY),
    sa.Column("agent", sa.Text, nullable=False, server_default=_EMPTY),
    sa.Column("last_seen_at", _MOMENT, nullable=False),
    sa.Column("expires_at", _MOMENT, nullable=False),
    sa.Column("revoked_at", _MOMENT),
    *timestamps(),
    sa.Index(
        "session_live_idx", "user_id", "session_id", postgresql_where=sa.text("revoked_at is null")
    ),
    sa.Index("session_expires_at_idx", "expires_at"),
)

refresh_token = sa.Table(
    "refresh_token",
    metadata,
    sa.Column("token_hash", sa.LargeBinary, primary_key=True),
    sa.Column(
        "session_id",
        sa.Uuid,
        sa.ForeignKey("session.session_id", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("expires_at", _MOMENT, nullable=False),
    sa.Column("used_at", _MOMENT),
    sa.Column("contested_at", _MOMENT),
    *timestamps(),
    sa.CheckConstraint("octet_length(token_hash) = 32", name="token_hash"),
    # A family has one live token: whatever races, a second successor cannot be stored.
    sa.Index(
        "refresh_token_live_key",
        "session_id",
        unique=True,
        postgresql_where=sa.text("used_at is null"),
    ),
    sa.Index("refresh_token_session_id_idx", "session_id"),
    sa.Index("refresh_token_expires_at_idx", "expires_at"),
)

password_reset = sa.Table(
    "password_reset",
    metadata,
    sa.Column("token_hash", sa.LargeBinary, primary_key=True),
    _user_id(),
    sa.Column("expires_at", _MOMENT, nullable=False),
    *timestamps(),
    sa.CheckConstraint("octet_length(token_hash) = 32", name="token_hash"),
    sa.Index("password_reset_user_id_idx", "user_id", "created_at"),
)

follow = sa.Table(
    "follow",
    metadata,
    _user_id(primary_key=True),
    sa.Column(
        "followed_user_id",
        sa.Uuid,
        sa.ForeignKey("user.user_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("followed_at", _MOMENT, nullable=False),
    *timestamps(),
    sa.CheckConstraint("user_id <> followed_user_id", name="oneself"),
    sa.Index("follow_following_idx", "user_id", "followed_at", "followed_user_id"),
    sa.Index("follow_followers_idx", "followed_user_id", "followed_at", "user_id"),
)

erasure_acknowledgement = sa.Table(
    "erasure_acknowledgement",
    metadata,
    sa.Column(
        "erasure_id",
        sa.Uuid,
        sa.ForeignKey("erasure.erasure_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("deleted_rows_count", sa.BigInteger, nullable=False),
    *timestamps(),
)

# Names of those who were erased, as keyed hashes: nobody is to pass for them.
retired_username = sa.Table(
    "retired_username",
    metadata,
    sa.Column("pseudonym", sa.Uuid, primary_key=True),
    *timestamps(),
)

audit_log = sa.Table(
    "audit_log",
    metadata,
    sa.Column("audit_entry_id", sa.Uuid, primary_key=True),
    # No foreign key: the log outlives the account.
    sa.Column("actor_user_id", sa.Uuid),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False, server_default=_EMPTY),
    sa.Column("details", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
    sa.Column("address", sa.Text, nullable=False, server_default=_EMPTY),
    sa.Column("occurred_at", _MOMENT, nullable=False),
    *timestamps(),
    sa.Index("audit_log_action_idx", "action", "audit_entry_id"),
    sa.Index("audit_log_actor_user_id_idx", "actor_user_id", "audit_entry_id"),
    sa.Index("audit_log_subject_idx", "subject", "audit_entry_id"),
)

signing_key = sa.Table(
    "signing_key",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("public_key", sa.LargeBinary, nullable=False),
    sa.Column("sealed_private_key", sa.LargeBinary, nullable=False),
    sa.Column("signs_from", _MOMENT, nullable=False),
    *timestamps(),
    sa.CheckConstraint("octet_length(public_key) = 32", name="public_key"),
)
