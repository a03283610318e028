"""Movies, people, genres, and the state of their sync."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "catalog_0001"
down_revision = None
branch_labels = ("catalog",)
depends_on = None


def upgrade() -> None:
    # A trusted extension: the owner of the database may create it.
    op.execute("create extension if not exists pg_trgm")
    _create_collection()
    _create_featured_movie()
    _create_genre()
    _create_keyword()
    _create_person()
    _create_quarantine()
    _create_reference()
    _create_sync_item()
    _create_sync_run()
    _create_sync_watermark()
    _create_genre_translation()
    _create_movie()
    _create_certification()
    _create_credit()
    _create_movie_genre()
    _create_movie_keyword()
    _create_movie_title()
    _create_translation()
    _create_video()


def downgrade() -> None:
    for table in (
        "video",
        "translation",
        "movie_title",
        "movie_keyword",
        "movie_genre",
        "credit",
        "certification",
        "movie",
        "genre_translation",
        "sync_watermark",
        "sync_run",
        "sync_item",
        "reference",
        "quarantine",
        "person",
        "keyword",
        "genre",
        "featured_movie",
        "collection",
    ):
        op.drop_table(table)


def _create_collection() -> None:
    op.create_table(
        "collection",
        sa.Column("collection_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("overview", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("poster_path", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("backdrop_path", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("collection_id", name=op.f("collection_pkey")),
    )


def _create_featured_movie() -> None:
    op.create_table(
        "featured_movie",
        sa.Column("list_name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("movie_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("list_name", "position", name=op.f("featured_movie_pkey")),
    )


def _create_genre() -> None:
    op.create_table(
        "genre",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("tmdb_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("genre_pkey")),
        sa.UniqueConstraint("tmdb_id", name=op.f("genre_tmdb_id_key")),
    )


def _create_keyword() -> None:
    op.create_table(
        "keyword",
        sa.Column("keyword_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("keyword_id", name=op.f("keyword_pkey")),
    )


def _create_person() -> None:
    op.create_table(
        "person",
        sa.Column("person_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("name_key", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("known_for_department", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("profile_path", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("popularity", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("person_pkey")),
    )
    op.create_index(
        "person_name_key_idx",
        "person",
        ["name_key", "person_id"],
        unique=False,
        postgresql_ops={"name_key": "text_pattern_ops"},
    )
    op.create_index(
        "person_trigram_idx",
        "person",
        ["name_key"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"name_key": "gin_trgm_ops"},
    )


def _create_quarantine() -> None:
    op.create_table(
        "quarantine",
        sa.Column("quarantine_entry_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_id", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("parser_version", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column(
            "quarantined_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "state in ('open', 'retrying', 'resolved')", name=op.f("quarantine_state_check")
        ),
        sa.PrimaryKeyConstraint("quarantine_entry_id", name=op.f("quarantine_pkey")),
        sa.UniqueConstraint(
            "kind", "source", "source_id", name=op.f("quarantine_kind_source_source_id_key")
        ),
    )


def _create_reference() -> None:
    op.create_table(
        "reference",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("source", "name", name=op.f("reference_pkey")),
    )


def _create_sync_item() -> None:
    op.create_table(
        "sync_item",
        sa.Column("movie_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("popularity", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("adult", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("missing_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_by", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "state in ('pending', 'done', 'gone', 'quarantined')",
            name=op.f("sync_item_state_check"),
        ),
        sa.PrimaryKeyConstraint("movie_id", "source", name=op.f("sync_item_pkey")),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index(
        "sync_item_as_of_idx",
        "sync_item",
        ["source", "as_of", "movie_id"],
        unique=False,
        postgresql_where=sa.text("state = 'done'"),
    )
    op.create_index(
        "sync_item_changed_idx",
        "sync_item",
        ["source", "movie_id"],
        unique=False,
        postgresql_where=sa.text("state = 'pending' and changed_at is not null"),
    )
    op.create_index(
        "sync_item_leased_by_idx",
        "sync_item",
        ["leased_by"],
        unique=False,
        postgresql_where=sa.text("leased_by is not null"),
    )
    op.create_index(
        "sync_item_pending_idx",
        "sync_item",
        ["source", sa.literal_column("popularity desc"), "movie_id"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )


def _create_sync_run() -> None:
    op.create_table(
        "sync_run",
        sa.Column("sync_run_id", sa.Uuid(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column(
            "parameters",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("remaining_count", sa.BigInteger(), server_default=sa.text("-1"), nullable=False),
        sa.Column("changed_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "quarantined_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("requests_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "state in ('queued', 'running', 'done', 'failed')", name=op.f("sync_run_state_check")
        ),
        sa.PrimaryKeyConstraint("sync_run_id", name=op.f("sync_run_pkey")),
        sa.UniqueConstraint("request_id", name=op.f("sync_run_request_id_key")),
    )
    op.create_index(
        "sync_run_unfinished_idx",
        "sync_run",
        ["stage", "source"],
        unique=False,
        postgresql_where=sa.text("state in ('queued', 'running')"),
    )


def _create_sync_watermark() -> None:
    op.create_table(
        "sync_watermark",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("source", "name", name=op.f("sync_watermark_pkey")),
    )


def _create_genre_translation() -> None:
    op.create_table(
        "genre_translation",
        sa.Column("genre_id", sa.BigInteger(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["genre_id"], ["genre.tmdb_id"], name=op.f("genre_translation_genre_id_fkey")
        ),
        sa.PrimaryKeyConstraint("genre_id", "language", name=op.f("genre_translation_pkey")),
    )


def _create_movie() -> None:
    op.create_table(
        "movie",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("tmdb_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("source", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("title", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("original_title", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("original_language", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("title_key", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("overview", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("tagline", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("homepage", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("release_date", sa.Date(), nullable=True),
        sa.Column("runtime_minutes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("budget", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("revenue", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("imdb_id", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("adult", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("poster_path", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("backdrop_path", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("popularity", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.Column("vote_average", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.Column("vote_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "external_ids",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "production_countries",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "spoken_languages",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "watch_providers",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "source in ('tmdb', 'standin', 'import')", name=op.f("movie_source_check")
        ),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collection.collection_id"], name=op.f("movie_collection_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("movie_pkey")),
        sa.UniqueConstraint("tmdb_id", name=op.f("movie_tmdb_id_key")),
    )
    op.create_index(
        "movie_collection_id_idx",
        "movie",
        ["collection_id", "release_date", "tmdb_id"],
        unique=False,
    )
    op.create_index(
        "movie_imdb_id_idx",
        "movie",
        ["imdb_id"],
        unique=False,
        postgresql_where=sa.text("imdb_id <> ''"),
    )
    op.create_index(
        "movie_popularity_idx",
        "movie",
        ["popularity", "tmdb_id"],
        unique=False,
        postgresql_where=sa.text("removed_at is null"),
    )
    op.create_index(
        "movie_release_date_idx",
        "movie",
        ["release_date", "tmdb_id"],
        unique=False,
        postgresql_where=sa.text("removed_at is null"),
    )
    op.create_index(
        "movie_title_key_idx",
        "movie",
        ["title_key", "tmdb_id"],
        unique=False,
        postgresql_where=sa.text("removed_at is null"),
    )
    op.create_index(
        "movie_vote_average_idx",
        "movie",
        ["vote_average", "tmdb_id"],
        unique=False,
        postgresql_where=sa.text("removed_at is null"),
    )


def _create_certification() -> None:
    op.create_table(
        "certification",
        sa.Column("movie_id", sa.BigInteger(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("certification", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["movie_id"], ["movie.tmdb_id"], name=op.f("certification_movie_id_fkey")
        ),
        sa.PrimaryKeyConstraint("movie_id", "region", name=op.f("certification_pkey")),
    )


def _create_credit() -> None:
    op.create_table(
        "credit",
        sa.Column("movie_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("department", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("job", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("character", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("billing_order", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["movie_id"], ["movie.tmdb_id"], name=op.f("credit_movie_id_fkey")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.person_id"], name=op.f("credit_person_id_fkey")
        ),
        sa.PrimaryKeyConstraint("movie_id", "position", name=op.f("credit_pkey")),
    )
    op.create_index("credit_person_id_idx", "credit", ["person_id", "movie_id"], unique=False)


def _create_movie_genre() -> None:
    op.create_table(
        "movie_genre",
        sa.Column("movie_id", sa.BigInteger(), nullable=False),
        sa.Column("genre_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["genre_id"], ["genre.tmdb_id"], name=op.f("movie_genre_genre_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["movie_id"], ["movie.tmdb_id"], name=op.f("movie_genre_movie_id_fkey")
        ),
        sa.PrimaryKeyConstraint("movie_id", "genre_id", name=op.f("movie_genre_pkey")),
    )
    op.create_index(
        "movie_genre_genre_id_idx", "movie_genre", ["genre_id", "movie_id"], unique=False
    )


def _create_movie_keyword() -> None:
    op.create_table(
        "movie_keyword",
        sa.Column("movie_id", sa.BigInteger(), nullable=False),
        sa.Column("keyword_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["keyword_id"], ["keyword.keyword_id"], name=op.f("movie_keyword_keyword_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["movie_id"], ["movie.tmdb_id"], name=op.f("movie_keyword_movie_id_fkey")
        ),
        sa.PrimaryKeyConstraint("movie_id", "keyword_id", name=op.f("movie_keyword_pkey")),
    )
    op.create_index(
        "movie_keyword_keyword_id_idx", "movie_keyword", ["keyword_id", "movie_id"], unique=False
    )


def _create_movie_title() -> None:
    op.create_table(
        "movie_title",
        sa.Column("movie_id", sa.BigInteger(), nullable=False),
        sa.Column("title_key", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["movie_id"], ["movie.tmdb_id"], name=op.f("movie_title_movie_id_fkey")
        ),
        sa.PrimaryKeyConstraint("movie_id", "title_key", name=op.f("movie_title_pkey")),
    )
    op.create_index(
        "movie_title_title_key_idx",
        "movie_title",
        ["title_key", "movie_id"],
        unique=False,
        postgresql_ops={"title_key": "text_pattern_ops"},
    )
    op.create_index(
        "movie_title_trigram_idx",
        "movie_title",
        ["title_key"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"title_key": "gin_trgm_ops"},
    )
    op.create_index(
        "movie_title_words_idx",
        "movie_title",
        [sa.literal_column("to_tsvector('simple', title_key)")],
        unique=False,
        postgresql_using="gin",
    )


def _create_translation() -> None:
    op.create_table(
        "translation",
        sa.Column("movie_id", sa.BigInteger(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("overview", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("tagline", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["movie_id"], ["movie.tmdb_id"], name=op.f("translation_movie_id_fkey")
        ),
        sa.PrimaryKeyConstraint("movie_id", "language", "region", name=op.f("translation_pkey")),
    )


def _create_video() -> None:
    op.create_table(
        "video",
        sa.Column("movie_id", sa.BigInteger(), nullable=False),
        sa.Column("video_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("site", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("key", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("type", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("language", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("official", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["movie_id"], ["movie.tmdb_id"], name=op.f("video_movie_id_fkey")),
        sa.PrimaryKeyConstraint("movie_id", "video_id", name=op.f("video_pkey")),
    )
