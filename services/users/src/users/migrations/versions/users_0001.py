"""Accounts, sessions, profiles and preferences."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "users_0001"
down_revision = None
branch_labels = ("users",)
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_EMPTY = sa.text("''")
_TABLES = (
    "refresh_token",
    "session",
    "profile_favorite_genre",
    "profile",
    "preferences",
    "follow",
    "user",
    "signing_key",
    "audit_log",
)

# Erasure will have to make lines pseudonymous; it says so for its own transaction only.
_GUARD = """
create function audit_log_guard() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and current_setting('users.pseudonymise', true) = 'on' then
    return new;
  end if;
  raise exception 'the audit log is append-only' using errcode = 'insufficient_privilege';
end
$$
"""


def upgrade() -> None:
    _create_accounts()
    _create_profiles()
    _create_preferences()
    _create_sessions()
    _create_follow()
    _create_signing_key()
    _create_audit_log()


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)
    op.execute("drop function audit_log_guard()")


def _timestamps() -> list[sa.Column[object]]:
    return [
        sa.Column(name, _MOMENT, server_default=sa.func.now(), nullable=False)
        for name in ("created_at", "updated_at")
    ]


def _create_accounts() -> None:
    op.create_table(
        "user",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("username_key", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), server_default="user", nullable=False),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        *_timestamps(),
        sa.CheckConstraint("role in ('user', 'admin')", name=op.f("user_role_check")),
        sa.CheckConstraint("status in ('active', 'disabled')", name=op.f("user_status_check")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("user_pkey")),
        sa.UniqueConstraint("email_key", name="user_email_key"),
        sa.UniqueConstraint("username_key", name="user_username_key"),
    )
    op.create_index("user_role_idx", "user", ["role"], postgresql_where=sa.text("role <> 'user'"))


def _create_profiles() -> None:
    op.create_table(
        "profile",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("display_name", sa.Text(), server_default=_EMPTY, nullable=False),
        sa.Column("bio", sa.Text(), server_default=_EMPTY, nullable=False),
        sa.Column("country", sa.Text(), server_default=_EMPTY, nullable=False),
        sa.Column("followers_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("following_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        *_timestamps(),
        sa.CheckConstraint(
            "country = '' or country ~ '^[A-Z]{2}$'", name=op.f("profile_country_check")
        ),
        sa.CheckConstraint("char_length(bio) <= 1000", name=op.f("profile_bio_check")),
        sa.CheckConstraint(
            "char_length(display_name) <= 80", name=op.f("profile_display_name_check")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.user_id"], name=op.f("profile_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("profile_pkey")),
    )
    op.create_table(
        "profile_favorite_genre",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("genre_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        *_timestamps(),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["profile.user_id"],
            name=op.f("profile_favorite_genre_user_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "genre_id", name=op.f("profile_favorite_genre_pkey")),
    )


def _create_preferences() -> None:
    op.create_table(
        "preferences",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "email_notifications", sa.Boolean(), server_default=sa.text("true"), nullable=False
        ),
        sa.Column(
            "recommendation_emails", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column(
            "include_adult_content", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("preferred_language", sa.Text(), server_default="en", nullable=False),
        sa.Column(
            "enable_collaborative_filtering",
            sa.Boolean(),
            server_default=sa.text("true"),
            nullable=False,
        ),
        sa.Column(
            "enable_content_based_filtering",
            sa.Boolean(),
            server_default=sa.text("true"),
            nullable=False,
        ),
        sa.Column(
            "recommendation_diversity", sa.Double(), server_default=sa.text("0.25"), nullable=False
        ),
        sa.Column("profile_visibility", sa.Text(), server_default="public", nullable=False),
        sa.Column("activity_tracking", sa.Text(), server_default="full", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        *_timestamps(),
        sa.CheckConstraint(
            "activity_tracking in ('full', 'anonymous', 'off')",
            name=op.f("preferences_tracking_check"),
        ),
        sa.CheckConstraint(
            "profile_visibility in ('public', 'friends', 'private')",
            name=op.f("preferences_visibility_check"),
        ),
        sa.CheckConstraint(
            "recommendation_diversity between 0.0 and 1.0", name=op.f("preferences_diversity_check")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.user_id"], name=op.f("preferences_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("preferences_pkey")),
    )


def _create_sessions() -> None:
    op.create_table(
        "session",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.Text(), server_default=_EMPTY, nullable=False),
        sa.Column("agent", sa.Text(), server_default=_EMPTY, nullable=False),
        sa.Column("last_seen_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("revoked_at", _MOMENT, nullable=True),
        *_timestamps(),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.user_id"], name=op.f("session_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("session_id", name=op.f("session_pkey")),
    )
    op.create_index("session_expires_at_idx", "session", ["expires_at"])
    op.create_index(
        "session_live_idx",
        "session",
        ["user_id", "session_id"],
        postgresql_where=sa.text("revoked_at is null"),
    )
    op.create_table(
        "refresh_token",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("used_at", _MOMENT, nullable=True),
        sa.Column("contested_at", _MOMENT, nullable=True),
        *_timestamps(),
        sa.CheckConstraint(
            "octet_length(token_hash) = 32", name=op.f("refresh_token_token_hash_check")
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["session.session_id"],
            name=op.f("refresh_token_session_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("refresh_token_pkey")),
    )
    op.create_index("refresh_token_expires_at_idx", "refresh_token", ["expires_at"])
    op.create_index(
        "refresh_token_live_key",
        "refresh_token",
        ["session_id"],
        unique=True,
        postgresql_where=sa.text("used_at is null"),
    )
    op.create_index("refresh_token_session_id_idx", "refresh_token", ["session_id"])


def _create_follow() -> None:
    op.create_table(
        "follow",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("followed_user_id", sa.Uuid(), nullable=False),
        sa.Column("followed_at", _MOMENT, nullable=False),
        *_timestamps(),
        sa.CheckConstraint("user_id <> followed_user_id", name=op.f("follow_oneself_check")),
        sa.ForeignKeyConstraint(
            ["followed_user_id"],
            ["user.user_id"],
            name=op.f("follow_followed_user_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.user_id"], name=op.f("follow_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "followed_user_id", name=op.f("follow_pkey")),
    )
    op.create_index(
        "follow_followers_idx", "follow", ["followed_user_id", "followed_at", "user_id"]
    )
    op.create_index(
        "follow_following_idx", "follow", ["user_id", "followed_at", "followed_user_id"]
    )


def _create_signing_key() -> None:
    op.create_table(
        "signing_key",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_private_key", sa.LargeBinary(), nullable=False),
        sa.Column("signs_from", _MOMENT, nullable=False),
        *_timestamps(),
        sa.CheckConstraint(
            "octet_length(public_key) = 32", name=op.f("signing_key_public_key_check")
        ),
        sa.PrimaryKeyConstraint("key_id", name=op.f("signing_key_pkey")),
    )


def _create_audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("audit_entry_id", sa.Uuid(), nullable=False),
        sa.Column("actor_user_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), server_default=_EMPTY, nullable=False),
        sa.Column("details", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("address", sa.Text(), server_default=_EMPTY, nullable=False),
        sa.Column("occurred_at", _MOMENT, nullable=False),
        *_timestamps(),
        sa.PrimaryKeyConstraint("audit_entry_id", name=op.f("audit_log_pkey")),
    )
    op.create_index("audit_log_action_idx", "audit_log", ["action", "audit_entry_id"])
    op.create_index("audit_log_actor_user_id_idx", "audit_log", ["actor_user_id", "audit_entry_id"])
    op.execute(_GUARD)
    op.execute(
        "create trigger audit_log_guard before update or delete on audit_log"
        " for each row execute function audit_log_guard()"
    )
    op.execute(
        "create trigger audit_log_truncate_guard before truncate on audit_log"
        " for each statement execute function audit_log_guard()"
    )
