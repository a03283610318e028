"""What the service holds on a person, by section."""

from collections.abc import Sequence

from analytics.tables import activity_actor, activity_deletion, user_activity
from chassis.export import Section

SECTIONS: Sequence[Section] = (
    Section("activity", user_activity, ("occurred_at", "activity_id"), left_out=("pseudonym",)),
    Section(
        "counted_in", activity_actor, ("granularity", "bucket", "activity_type"), owner="actor"
    ),
    Section("deletions", activity_deletion, ("activity_type",)),
)
