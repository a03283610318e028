"""Pages and reasons as the JSON that is kept."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from recommender.domain import (
    Offer,
    Page,
    Reason,
)


def reason_document(reason: Reason) -> dict[str, Any]:
    """A reason as JSON."""
    return {
        "kind": reason.kind,
        "movie_ids": list(reason.movie_ids),
        "genre_ids": list(reason.genre_ids),
        "person_ids": list(reason.person_ids),
        "text": reason.text,
    }


def page_document(page: Page) -> dict[str, Any]:
    """A served page as JSON."""
    return {
        "list_id": str(page.list_id),
        "user_id": str(page.user_id),
        "recommendation_type": page.recommendation_type,
        "model_version": page.model_version,
        "degraded": page.degraded,
        "generated_at": page.generated_at.isoformat(),
        "served_at": page.served_at.isoformat(),
        "offers": [
            {
                "recommendation_id": str(offer.recommendation_id),
                "movie_id": offer.movie_id,
                "score": offer.score,
                "position": offer.position,
                "reason": reason_document(offer.reason),
                "probability": offer.probability,
            }
            for offer in page.offers
        ],
    }


def page_from_document(document: Mapping[str, Any]) -> Page:
    """The page of page_document."""
    kind = document["recommendation_type"]
    return Page(
        list_id=UUID(document["list_id"]),
        user_id=UUID(document["user_id"]),
        recommendation_type=kind,
        model_version=document["model_version"],
        degraded=document["degraded"],
        generated_at=datetime.fromisoformat(document["generated_at"]),
        served_at=datetime.fromisoformat(document["served_at"]),
        offers=tuple(_offer(offer, kind) for offer in document["offers"]),
    )


def _offer(document: Mapping[str, Any], kind: str) -> Offer:
    reason = document["reason"]
    return Offer(
        recommendation_id=UUID(document["recommendation_id"]),
        movie_id=document["movie_id"],
        recommendation_type=kind,
        score=document["score"],
        position=document["position"],
        reason=Reason(
            kind=reason["kind"],
            movie_ids=tuple(reason["movie_ids"]),
            genre_ids=tuple(reason["genre_ids"]),
            person_ids=tuple(reason["person_ids"]),
            text=reason["text"],
        ),
        probability=document.get("probability"),
    )
