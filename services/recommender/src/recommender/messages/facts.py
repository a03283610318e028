"""What this service tells others."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from google.protobuf.message import Message

from chassis.events import Fact
from marquee.recommender.v1 import events_pb2 as events
from recommender.domain import Admin, Page
from recommender.messages.values import timestamp


def list_served(page: Page) -> Fact:
    """A page was answered."""
    message = events.ListServed(
        user_id=str(page.user_id),
        list_id=str(page.list_id),
        recommendation_type=page.recommendation_type,
        model_version=page.model_version,
        movie_ids=[offer.movie_id for offer in page.offers],
        first_position=page.offers[0].position,
        degraded=page.degraded,
        served_at=timestamp(page.served_at),
        positions=[offer.position for offer in page.offers],
        scores=[offer.score for offer in page.offers],
        probabilities=[one.probability for one in page.offers if one.probability is not None],
    )
    aggregate = f"{page.list_id}:{message.first_position}"
    return _fact(message, aggregate, actor=message.user_id, at=page.served_at)


def recommendation_clicked(row: Any) -> Fact:
    """A recommendation was clicked for the first time."""
    message = events.RecommendationClicked(
        user_id=str(row.user_id),
        recommendation_id=str(row.recommendation_id),
        movie_id=row.movie_id,
        recommendation_type=row.recommendation_type,
        position=row.position,
        model_version=row.model_version,
        clicked_at=timestamp(row.clicked_at),
        recommended_at=timestamp(row.created_at),
    )
    return _fact(message, message.recommendation_id, actor=message.user_id, at=row.clicked_at)


def model_promoted(version: str, at: datetime) -> Fact:
    """A model became the live one."""
    message = events.ModelPromoted(model_version=version, promoted_at=timestamp(at))
    return _fact(message, f"model:{version}", actor="", at=at)


def admin_acted(admin: Admin, action: str, subject: str, details: Mapping[str, object]) -> Fact:
    """An admin did something, for the audit log."""
    message = events.AdminActed(
        user_id=str(admin.user_id),
        action=action,
        subject=subject,
        details_json=json.dumps(details),
        address=admin.address,
        acted_at=timestamp(admin.acted_at),
    )
    aggregate = f"{action}:{subject}"
    return _fact(message, aggregate, actor=message.user_id, at=admin.acted_at)


def _fact(message: Message, aggregate_id: str, *, actor: str, at: datetime) -> Fact:
    return Fact(
        type=message.DESCRIPTOR.full_name,
        aggregate_id=aggregate_id,
        aggregate_version=1,
        payload=message.SerializeToString(),
        actor=actor,
        occurred_at=at,
    )
