"""The tables of the recommender's database."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from chassis.database import metadata_naming, timestamps
from chassis.tables import attach

metadata = sa.MetaData(naming_convention=metadata_naming)
attach(metadata)

_MOMENT = sa.DateTime(timezone=True)
_NUMBERS = ARRAY(sa.BigInteger)
_NONE = sa.text("'{}'")
_NOTHING = sa.text("'{}'::jsonb")
# Readers that follow a table compare this with the oldest transaction still running: a row whose
# transaction commits late is not skipped, as it would be by a growing id.
_TRANSACTION = sa.text("pg_current_xact_id()::text::bigint")

movie_feature = sa.Table(
    "movie_feature",
    metadata,
    sa.Column("movie_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("original_language", sa.Text, nullable=False),
    sa.Column("release_date", sa.Date),
    sa.Column("genre_ids", _NUMBERS, nullable=False, server_default=_NONE),
    sa.Column("keyword_ids", _NUMBERS, nullable=False, server_default=_NONE),
    sa.Column("person_ids", _NUMBERS, nullable=False, server_default=_NONE),
    sa.Column("terms", ARRAY(sa.Text), nullable=False, server_default=_NONE),
    sa.Column("popularity", sa.Double, nullable=False),
    sa.Column("vote_average", sa.Double, nullable=False),
    sa.Column("vote_count", sa.BigInteger, nullable=False),
    sa.Column("runtime_minutes", sa.Integer, nullable=False),
    sa.Column("adult", sa.Boolean, nullable=False),
    sa.Column("removed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("changed_in", sa.BigInteger, nullable=False, server_default=_TRANSACTION),
    *timestamps(),
    sa.Index("movie_feature_changed_in_idx", "changed_in"),
    sa.Index("movie_feature_person_ids_idx", "person_ids", postgresql_using="gin"),
    sa.Index("movie_feature_keyword_ids_idx", "keyword_ids", postgresql_using="gin"),
)

genre = sa.Table(
    "genre",
    metadata,
    sa.Column("genre_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
    *timestamps(),
)

interaction = sa.Table(
    "interaction",
    metadata,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("movie_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("deleted", sa.Boolean, nullable=False),
    sa.Column("rating", sa.REAL),
    sa.Column("occurred_at", _MOMENT, nullable=False),
    sa.Column("changed_in", sa.BigInteger, nullable=False, server_default=_TRANSACTION),
    *timestamps(),
    sa.CheckConstraint("kind between 0 and 3", name="kind"),
    sa.Index("interaction_changed_in_idx", "changed_in"),
    sa.Index("interaction_movie_id_idx", "movie_id"),
)

taste = sa.Table(
    "taste",
    metadata,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("ahead", _NUMBERS, nullable=False, server_default=_NONE),
    *timestamps(),
)

preferences = sa.Table(
    "preferences",
    metadata,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("include_adult_content", sa.Boolean, nullable=False),
    sa.Column("preferred_language", sa.Text, nullable=False),
    sa.Column("enable_collaborative_filtering", sa.Boolean, nullable=False),
    sa.Column("enable_content_based_filtering", sa.Boolean, nullable=False),
    sa.Column("recommendation_diversity", sa.Double, nullable=False),
    sa.Column("favorite_genre_ids", _NUMBERS, nullable=False, server_default=_NONE),
    *timestamps(),
    sa.CheckConstraint(
        "recommendation_diversity between 0.0 and 1.0", name="recommendation_diversity"
    ),
)

movie_popularity = sa.Table(
    "movie_popularity",
    metadata,
    sa.Column("movie_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("people_count", sa.BigInteger, nullable=False),
    # Sum over people of an interaction's weight times exp(-age / TREND_DAYS), at decayed_at.
    sa.Column("recent", sa.Double, nullable=False),
    sa.Column("decayed_at", _MOMENT, nullable=False),
    *timestamps(),
)

# How far the readers inside this database have come (popularity): a name and a transaction id.
progress = sa.Table(
    "progress",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("horizon", sa.BigInteger, nullable=False),
    *timestamps(),
)

# A list as ranked, for its further pages or for whoever comes; dropped after two days.
ranked_list = sa.Table(
    "ranked_list",
    metadata,
    sa.Column("list_id", sa.Uuid, primary_key=True),
    sa.Column("user_id", sa.Uuid, nullable=False),
    sa.Column("recommendation_type", sa.Text, nullable=False),
    sa.Column("model_version", sa.Text, nullable=False),
    sa.Column("degraded", sa.Boolean, nullable=False),
    sa.Column("diversity", sa.Double, nullable=False),
    sa.Column("movie_ids", _NUMBERS, nullable=False),
    sa.Column("scores", ARRAY(sa.REAL), nullable=False),
    # Of each place, given those before; empty where nothing was left to chance.
    sa.Column("probabilities", ARRAY(sa.REAL), nullable=False, server_default=_NONE),
    # What a unit of each ranker's own score adds: reasons are told from it.
    sa.Column("blend", JSONB, nullable=False, server_default=_NOTHING),
    # What of the person was counted in.
    sa.Column("sequence", sa.BigInteger, nullable=False, server_default="-1"),
    sa.Column("preferences_version", sa.BigInteger, nullable=False, server_default="-1"),
    # Made before anybody asked, and the list of this person as long as nothing changes.
    sa.Column("ahead", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("generated_at", _MOMENT, nullable=False),
    *timestamps(),
    sa.Index("ranked_list_ahead_key", "user_id", unique=True, postgresql_where=sa.text("ahead")),
    sa.Index("ranked_list_generated_at_idx", "generated_at"),
    sa.Index("ranked_list_user_id_idx", "user_id"),
)

# What was answered, appended before the answer leaves; moved to `recommendation` behind it.
served_page = sa.Table(
    "served_page",
    metadata,
    sa.Column("page_id", sa.Uuid, primary_key=True),
    sa.Column("user_id", sa.Uuid, nullable=False),
    sa.Column("page", JSONB, nullable=False),
    *timestamps(),
    sa.Index("served_page_user_id_idx", "user_id"),
)

# By month of created_at, the moment of receipt; partitions are made ahead, there is no default.
recommendation = sa.Table(
    "recommendation",
    metadata,
    sa.Column("recommendation_id", sa.Uuid, primary_key=True),
    sa.Column("created_at", _MOMENT, primary_key=True),
    sa.Column("user_id", sa.Uuid, nullable=False),
    sa.Column("list_id", sa.Uuid, nullable=False),
    sa.Column("movie_id", sa.BigInteger, nullable=False),
    sa.Column("recommendation_type", sa.Text, nullable=False),
    sa.Column("score", sa.Double, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("model_version", sa.Text, nullable=False),
    sa.Column("reason", JSONB, nullable=False),
    sa.Column("probability", sa.Double),
    sa.Column("clicked_at", _MOMENT),
    sa.Column("updated_at", _MOMENT, nullable=False, server_default=sa.func.now()),
    sa.Index("recommendation_created_at_idx", "created_at"),
    sa.Index("recommendation_user_id_type_idx", "user_id", "recommendation_type"),
    sa.Index("recommendation_user_id_idx", "user_id", "recommendation_id"),
    postgresql_partition_by="RANGE (created_at)",
)

model = sa.Table(
    "model",
    metadata,
    sa.Column("model_version", sa.Text, primary_key=True),
    sa.Column("job_id", sa.Uuid),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("trained_at", _MOMENT),
    sa.Column("promoted_at", _MOMENT),
    sa.Column("metrics", JSONB, nullable=False, server_default=_NOTHING),
    sa.Column("meta", JSONB, nullable=False, server_default=_NOTHING),
    # Array name -> file's sha256 and size, checked before a replica uses it.
    sa.Column("artefacts", JSONB, nullable=False, server_default=_NOTHING),
    sa.Column("interactions_count", sa.BigInteger, nullable=False, server_default="0"),
    # What store.tastes.count_interactions said then: it estimates, so only its own are compared.
    sa.Column("counted_interactions", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("users_count", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("movies_count", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("training_seconds", sa.Double, nullable=False, server_default="0"),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    *timestamps(),
    sa.CheckConstraint(
        "state in ('training', 'candidate', 'live', 'retired', 'rejected')", name="state"
    ),
    sa.Index("model_live_key", "state", unique=True, postgresql_where=sa.text("state = 'live'")),
)

# What looking for better options of training found.
search = sa.Table(
    "search",
    metadata,
    sa.Column("search_id", sa.Uuid, primary_key=True),
    sa.Column("chosen", JSONB, nullable=False),
    sa.Column("trials", JSONB, nullable=False),
    *timestamps(),
)
