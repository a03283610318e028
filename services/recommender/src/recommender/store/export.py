"""What the service holds on a person, by section."""

from collections.abc import Sequence

from chassis.export import Section
from recommender.tables import (
    interaction,
    preferences,
    ranked_list,
    recommendation,
    served_page,
    taste,
)

SECTIONS: Sequence[Section] = (
    Section("recommendations", recommendation, ("recommendation_id", "created_at")),
    Section("recommendations_being_written", served_page, ("page_id",)),
    Section("ranked_lists", ranked_list, ("list_id",)),
    Section("interactions_used", interaction, ("movie_id", "kind")),
    Section("progress", taste, ("user_id",)),
    Section("preferences_used", preferences, ("user_id",)),
)
