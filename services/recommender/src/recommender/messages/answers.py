"""What is answered."""

from typing import Any

from chassis.jobs import JobRecord
from marquee.recommender.v1 import recommender_pb2 as pb
from recommender.domain import (
    Offer,
    Page,
    Reason,
)
from recommender.messages.values import NUMBERS, timestamp


def reason_message(reason: Reason) -> pb.Reason:
    """A reason."""
    return pb.Reason(
        kind=reason.kind,
        movie_ids=reason.movie_ids,
        genre_ids=reason.genre_ids,
        person_ids=reason.person_ids,
        text=reason.text,
    )


def offer_message(offer: Offer) -> pb.Recommendation:
    """A recommendation."""
    return pb.Recommendation(
        recommendation_id=str(offer.recommendation_id),
        movie_id=offer.movie_id,
        recommendation_type=NUMBERS[offer.recommendation_type],
        score=offer.score,
        position=offer.position,
        reason=reason_message(offer.reason),
    )


def page_message(
    page: Page, *, next_page_token: str, sequence: int, preferences_version: int
) -> pb.RecommendResponse:
    """A page as it is answered."""
    return pb.RecommendResponse(
        recommendations=[offer_message(offer) for offer in page.offers],
        next_page_token=next_page_token,
        list_id=str(page.list_id),
        model_version=page.model_version,
        generated_at=timestamp(page.generated_at),
        degraded=page.degraded,
        sequence=sequence,
        preferences_version=preferences_version,
    )


def training_message(record: JobRecord, version: str) -> pb.Training:
    """A training job."""
    done, total = record.progress.get("done") or 0, record.progress.get("total") or 0
    share = done / total if total else 0.0
    message = pb.Training(
        training_id=str(record.job_id),
        state=record.state,
        step=str(record.progress.get("step", "")),
        progress=1.0 if record.state == "done" else share,
        model_version=version,
        error=last_line(record.error) if record.state == "failed" else "",
    )
    if record.started_at is not None:
        message.started_at.CopyFrom(timestamp(record.started_at))
    return message


def last_line(error: str | None) -> str:
    """What an error's trace ends with: the error itself."""
    return (error or "").strip().rsplit("\n", 1)[-1]


def record_message(row: Any) -> pb.RecommendationRecord:
    """A row of the history."""
    record = pb.RecommendationRecord(
        recommendation=pb.Recommendation(
            recommendation_id=str(row.recommendation_id),
            movie_id=row.movie_id,
            recommendation_type=NUMBERS[row.recommendation_type],
            score=row.score,
            position=row.position,
            reason=pb.Reason(**row.reason),
        ),
        list_id=str(row.list_id),
        model_version=row.model_version,
        recommended_at=timestamp(row.created_at),
    )
    if row.clicked_at is not None:
        record.clicked_at.CopyFrom(timestamp(row.clicked_at))
    if row.probability is not None:
        record.probability = row.probability
    return record


def model_message(row: Any) -> pb.Model:
    """A row of the registry."""
    message = pb.Model(
        model_version=row.model_version,
        state=row.state,
        metrics=row.metrics,
        interactions_count=row.interactions_count,
        users_count=row.users_count,
        movies_count=row.movies_count,
        training_seconds=row.training_seconds,
        note=row.note,
    )
    for name in ("trained_at", "promoted_at"):
        if getattr(row, name) is not None:
            getattr(message, name).CopyFrom(timestamp(getattr(row, name)))
    return message
