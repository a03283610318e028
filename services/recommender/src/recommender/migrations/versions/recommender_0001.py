"""The recommender's own tables, and the first months of the history."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from recommender.domain import months_ahead

revision = "recommender_0001"
down_revision = None
branch_labels = ("recommender",)
depends_on = None

_TABLES = """
CREATE TABLE genre (
    genre_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT genre_pkey PRIMARY KEY (genre_id)
);
CREATE TABLE interaction (
    user_id UUID NOT NULL,
    movie_id BIGINT NOT NULL,
    kind SMALLINT NOT NULL,
    sequence BIGINT NOT NULL,
    deleted BOOLEAN NOT NULL,
    rating REAL,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_in BIGINT DEFAULT pg_current_xact_id()::text::bigint NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT interaction_pkey PRIMARY KEY (user_id, movie_id, kind),
    CONSTRAINT interaction_kind_check CHECK (kind between 0 and 3)
);
CREATE INDEX interaction_changed_in_idx ON interaction (changed_in);
CREATE INDEX interaction_movie_id_idx ON interaction (movie_id);
CREATE TABLE model (
    model_version TEXT NOT NULL,
    job_id UUID,
    state TEXT NOT NULL,
    trained_at TIMESTAMP WITH TIME ZONE,
    promoted_at TIMESTAMP WITH TIME ZONE,
    metrics JSONB DEFAULT '{}'::jsonb NOT NULL,
    meta JSONB DEFAULT '{}'::jsonb NOT NULL,
    artefacts JSONB DEFAULT '{}'::jsonb NOT NULL,
    interactions_count BIGINT DEFAULT '0' NOT NULL,
    users_count BIGINT DEFAULT '0' NOT NULL,
    movies_count BIGINT DEFAULT '0' NOT NULL,
    training_seconds DOUBLE PRECISION DEFAULT '0' NOT NULL,
    note TEXT DEFAULT '' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT model_pkey PRIMARY KEY (model_version),
    CONSTRAINT model_state_check
        CHECK (state in ('training', 'candidate', 'live', 'retired', 'rejected'))
);
CREATE UNIQUE INDEX model_live_key ON model (state) WHERE state = 'live';
CREATE TABLE movie_feature (
    movie_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    title TEXT NOT NULL,
    original_language TEXT NOT NULL,
    release_date DATE,
    genre_ids BIGINT[] DEFAULT '{}' NOT NULL,
    keyword_ids BIGINT[] DEFAULT '{}' NOT NULL,
    person_ids BIGINT[] DEFAULT '{}' NOT NULL,
    terms TEXT[] DEFAULT '{}' NOT NULL,
    popularity DOUBLE PRECISION NOT NULL,
    vote_average DOUBLE PRECISION NOT NULL,
    vote_count BIGINT NOT NULL,
    runtime_minutes INTEGER NOT NULL,
    adult BOOLEAN NOT NULL,
    removed BOOLEAN DEFAULT false NOT NULL,
    changed_in BIGINT DEFAULT pg_current_xact_id()::text::bigint NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT movie_feature_pkey PRIMARY KEY (movie_id)
);
CREATE INDEX movie_feature_changed_in_idx ON movie_feature (changed_in);
CREATE INDEX movie_feature_keyword_ids_idx ON movie_feature USING gin (keyword_ids);
CREATE INDEX movie_feature_person_ids_idx ON movie_feature USING gin (person_ids);
CREATE TABLE movie_popularity (
    movie_id BIGINT NOT NULL,
    people_count BIGINT NOT NULL,
    recent DOUBLE PRECISION NOT NULL,
    decayed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT movie_popularity_pkey PRIMARY KEY (movie_id)
);
CREATE TABLE preferences (
    user_id UUID NOT NULL,
    version BIGINT NOT NULL,
    include_adult_content BOOLEAN NOT NULL,
    preferred_language TEXT NOT NULL,
    enable_collaborative_filtering BOOLEAN NOT NULL,
    enable_content_based_filtering BOOLEAN NOT NULL,
    recommendation_diversity DOUBLE PRECISION NOT NULL,
    favorite_genre_ids BIGINT[] DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT preferences_pkey PRIMARY KEY (user_id),
    CONSTRAINT preferences_recommendation_diversity_check
        CHECK (recommendation_diversity between 0.0 and 1.0)
);
CREATE TABLE progress (
    name TEXT NOT NULL,
    horizon BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT progress_pkey PRIMARY KEY (name)
);
CREATE TABLE ranked_list (
    list_id UUID NOT NULL,
    user_id UUID NOT NULL,
    recommendation_type TEXT NOT NULL,
    model_version TEXT NOT NULL,
    degraded BOOLEAN NOT NULL,
    diversity DOUBLE PRECISION NOT NULL,
    movie_ids BIGINT[] NOT NULL,
    scores REAL[] NOT NULL,
    generated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT ranked_list_pkey PRIMARY KEY (list_id)
);
CREATE INDEX ranked_list_generated_at_idx ON ranked_list (generated_at);
CREATE INDEX ranked_list_user_id_idx ON ranked_list (user_id);
CREATE TABLE recommendation (
    recommendation_id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    user_id UUID NOT NULL,
    list_id UUID NOT NULL,
    movie_id BIGINT NOT NULL,
    recommendation_type TEXT NOT NULL,
    score DOUBLE PRECISION NOT NULL,
    position INTEGER NOT NULL,
    model_version TEXT NOT NULL,
    reason JSONB NOT NULL,
    clicked_at TIMESTAMP WITH TIME ZONE,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT recommendation_pkey PRIMARY KEY (recommendation_id, created_at)
)
 PARTITION BY RANGE (created_at);
CREATE INDEX recommendation_created_at_idx ON recommendation (created_at);
CREATE INDEX recommendation_user_id_idx ON recommendation (user_id, recommendation_id);
CREATE INDEX recommendation_user_id_type_idx ON recommendation (user_id, recommendation_type);
CREATE TABLE served_page (
    page_id UUID NOT NULL,
    user_id UUID NOT NULL,
    page JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT served_page_pkey PRIMARY KEY (page_id)
);
CREATE INDEX served_page_user_id_idx ON served_page (user_id);
CREATE TABLE taste (
    user_id UUID NOT NULL,
    sequence BIGINT NOT NULL,
    ahead BIGINT[] DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT taste_pkey PRIMARY KEY (user_id)
);
"""


def upgrade() -> None:
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(sa.text(statement.replace(":", "\\:")))
    for start, end in months_ahead(datetime.now(UTC), 2):
        op.execute(
            f"create table recommendation_{start:%Y_%m} partition of recommendation "
            f"for values from ('{start}') to ('{end}')"
        )


def downgrade() -> None:
    names = [
        "genre",
        "interaction",
        "model",
        "movie_feature",
        "movie_popularity",
        "preferences",
        "progress",
        "ranked_list",
        "recommendation",
        "served_page",
        "taste",
    ]
    for name in names:
        op.drop_table(name)
