"""Domain to protobuf and back, and to the JSON that is kept."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.errors import Invalid
from chassis.events import Event, Fact
from chassis.jobs import JobRecord
from marquee.catalog.v1 import events_pb2 as catalog_events
from marquee.gateway.v1 import events_pb2 as gateway_events
from marquee.interactions.v1 import events_pb2 as interaction_events
from marquee.interactions.v1 import interactions_pb2
from marquee.recommender.v1 import events_pb2 as events
from marquee.recommender.v1 import recommender_pb2 as pb
from marquee.users.v1 import events_pb2 as user_events
from marquee.users.v1 import users_pb2
from recommender.domain import (
    Change,
    Filter,
    Kind,
    Movie,
    Offer,
    Page,
    Preferences,
    Reason,
    minted_at,
    parse_date,
)

_TYPES: Mapping[int, str] = {
    pb.RECOMMENDATION_TYPE_UNSPECIFIED: "",
    pb.RECOMMENDATION_TYPE_TRENDING: "trending",
    pb.RECOMMENDATION_TYPE_POPULAR: "popular",
    pb.RECOMMENDATION_TYPE_GENRE_BASED: "genre_based",
    pb.RECOMMENDATION_TYPE_CONTENT_BASED: "content_based",
    pb.RECOMMENDATION_TYPE_COLLABORATIVE: "collaborative",
    pb.RECOMMENDATION_TYPE_HYBRID: "hybrid",
}
_NUMBERS: Mapping[str, Any] = {name: number for number, name in _TYPES.items()}
_MOST_FILTER_VALUES = 100

KINDS_OF_CHANGE: Mapping[int, Kind] = {
    interactions_pb2.INTERACTION_KIND_FAVORITE: Kind.FAVORITE,
    interactions_pb2.INTERACTION_KIND_RATING: Kind.RATING,
    interactions_pb2.INTERACTION_KIND_WATCHLIST: Kind.WATCHLIST,
    interactions_pb2.INTERACTION_KIND_HIDDEN: Kind.HIDDEN,
}


def timestamp(moment: datetime) -> Timestamp:
    """A moment as protobuf has it."""
    stamp = Timestamp()
    stamp.FromDatetime(moment.astimezone(UTC))
    return stamp


def moment(stamp: Timestamp) -> datetime:
    """A moment from protobuf."""
    return stamp.ToDatetime(tzinfo=UTC)


def moment_of(identifier: UUID) -> datetime:
    """When a UUIDv7 was made."""
    return minted_at(identifier)


def parse_uuid(text: str) -> UUID | None:
    """A UUID, None for anything else."""
    try:
        return UUID(text)
    except ValueError:
        return None


def type_name(number: int) -> str:
    """The name of a type of recommendation, empty for automatic."""
    if number not in _TYPES:
        raise Invalid("is not a type of recommendation", field="type")
    return _TYPES[number]


def filter_of(message: pb.RecommendationFilter) -> Filter:
    """A filter, checked."""
    for name in ("genre_ids", "person_ids", "keyword_ids", "exclude_movie_ids"):
        if len(getattr(message, name)) > _MOST_FILTER_VALUES:
            raise Invalid(f"at most {_MOST_FILTER_VALUES}", field=f"filter.{name}")
    if message.HasField("year") and not 1 <= message.year <= 9999:
        raise Invalid("must be a year", field="filter.year")
    return Filter(
        genre_ids=tuple(message.genre_ids),
        year=given(message, "year"),
        released_after=parse_date(message.released_after, name="filter.released_after"),
        released_before=parse_date(message.released_before, name="filter.released_before"),
        min_rating=_finite(message, "min_rating"),
        min_votes=given(message, "min_votes"),
        language=message.language,
        min_runtime=given(message, "min_runtime"),
        max_runtime=given(message, "max_runtime"),
        person_ids=tuple(message.person_ids),
        keyword_ids=tuple(message.keyword_ids),
        include_adult=given(message, "include_adult"),
        exclude_movie_ids=tuple(message.exclude_movie_ids),
    )


def given(message: Message, name: str) -> Any:
    """An optional field's value, None when it is unset."""
    return getattr(message, name) if message.HasField(name) else None


def _finite(message: Message, name: str) -> float | None:
    value = given(message, name)
    if value is not None and not 0.0 <= value <= 10.0:
        raise Invalid("must be between 0 and 10", field=f"filter.{name}")
    return value


def diversity_of(request: pb.RecommendRequest) -> float | None:
    """The diversity asked for, None when the preference decides."""
    value = given(request, "diversity")
    if value is not None and not 0.0 <= value <= 1.0:
        raise Invalid("must be between 0.0 and 1.0", field="diversity")
    return value


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
        recommendation_type=_NUMBERS[offer.recommendation_type],
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
        error=_last_line(record.error) if record.state == "failed" else "",
    )
    if record.started_at is not None:
        message.started_at.CopyFrom(timestamp(record.started_at))
    return message


def _last_line(error: str | None) -> str:
    return (error or "").strip().rsplit("\n", 1)[-1]


def record_message(row: Any) -> pb.RecommendationRecord:
    """A row of the history."""
    record = pb.RecommendationRecord(
        recommendation=pb.Recommendation(
            recommendation_id=str(row.recommendation_id),
            movie_id=row.movie_id,
            recommendation_type=_NUMBERS[row.recommendation_type],
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


def reason_document(reason: Reason) -> dict[str, Any]:
    """A reason as JSON."""
    return {
        "kind": reason.kind,
        "movie_ids": list(reason.movie_ids),
        "genre_ids": list(reason.genre_ids),
        "person_ids": list(reason.person_ids),
        "text": reason.text,
    }


def page_from_fallback(event: Event) -> Page:
    """A page of popular movies that the gateway showed while we did not answer."""
    message = gateway_events.FallbackServed.FromString(event.payload)
    served_at = message.served_at.ToDatetime(tzinfo=UTC)
    reason = Reason("popular", text="Popular with many people.")
    offers = tuple(
        Offer(
            recommendation_id=UUID(one.recommendation_id),
            movie_id=one.movie_id,
            recommendation_type="popular",
            score=one.score,
            position=one.position,
            reason=reason,
        )
        for one in message.offers
    )
    return Page(
        list_id=UUID(message.list_id),
        user_id=UUID(message.user_id),
        recommendation_type="popular",
        model_version="",
        degraded=True,
        generated_at=served_at,
        served_at=served_at,
        offers=offers,
    )


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


def _fact(message: Message, aggregate_id: str, *, actor: str, at: datetime) -> Fact:
    return Fact(
        type=message.DESCRIPTOR.full_name,
        aggregate_id=aggregate_id,
        aggregate_version=1,
        payload=message.SerializeToString(),
        actor=actor,
        occurred_at=at,
    )


def changes_from_events(told: Iterable[Event]) -> list[Change]:
    """The changes that events of interactions tell of."""
    return [change for event in told for change in _changes(event)]


_CHANGE_EVENTS: Mapping[str, tuple[type[Any], Kind, bool, str]] = {
    kind.DESCRIPTOR.full_name: (kind, *rest)
    for kind, *rest in (
        (interaction_events.FavoriteAdded, Kind.FAVORITE, False, "favorited_at"),
        (interaction_events.FavoriteRemoved, Kind.FAVORITE, True, "removed_at"),
        (interaction_events.MovieRated, Kind.RATING, False, "rated_at"),
        (interaction_events.RatingDeleted, Kind.RATING, True, "deleted_at"),
        (interaction_events.WatchlistEntryAdded, Kind.WATCHLIST, False, "added_at"),
        (interaction_events.WatchlistEntryRemoved, Kind.WATCHLIST, True, "removed_at"),
        (interaction_events.MovieHidden, Kind.HIDDEN, False, "hidden_at"),
        (interaction_events.MovieUnhidden, Kind.HIDDEN, True, "unhidden_at"),
    )
}  # type: ignore[misc]
_IMPORTED = interaction_events.RatingsImported.DESCRIPTOR.full_name
CHANGE_TYPES: Sequence[str] = (*_CHANGE_EVENTS, _IMPORTED)


def _changes(event: Event) -> list[Change]:
    if event.type == _IMPORTED:
        batch = interaction_events.RatingsImported.FromString(event.payload)
        return [_change(rated, Kind.RATING, "rated_at") for rated in batch.ratings]
    message_type, kind, deleted, moment_name = _CHANGE_EVENTS[event.type]
    message = message_type.FromString(event.payload)
    return [_change(message, kind, moment_name, deleted=deleted)]


def _change(message: Any, kind: Kind, moment_name: str, *, deleted: bool = False) -> Change:
    return Change(
        user_id=UUID(message.user_id),
        movie_id=message.movie_id,
        kind=kind,
        sequence=message.sequence,
        occurred_at=moment(getattr(message, moment_name)),
        deleted=deleted,
        rating=message.rating if kind is Kind.RATING and not deleted else None,
    )


def changes_from_reply(
    user_id: UUID, listed: Iterable[interactions_pb2.InteractionChange]
) -> list[Change]:
    """The changes that interactions listed for a replica that is behind."""
    return [
        Change(
            user_id=user_id,
            movie_id=one.movie_id,
            kind=KINDS_OF_CHANGE[one.kind],
            sequence=one.sequence,
            occurred_at=moment(one.occurred_at),
            deleted=one.deleted,
            rating=one.rating if one.kind == interactions_pb2.INTERACTION_KIND_RATING else None,
        )
        for one in listed
        if one.kind in KINDS_OF_CHANGE
    ]


def preferences_from_event(event: Event) -> tuple[UUID, Preferences]:
    """Whose preferences an event tells, and what they are."""
    message = user_events.PreferencesChanged.FromString(event.payload)
    return UUID(message.user_id), _preferences(message, message.favorite_genre_ids)


def preferences_from_reply(reply: users_pb2.GetPreferencesOfResponse) -> Preferences:
    """Preferences as users answered them."""
    return _preferences(reply.preferences, reply.favorite_genre_ids)


def _preferences(message: Any, genre_ids: Iterable[int]) -> Preferences:
    return Preferences(
        version=message.version,
        include_adult_content=message.include_adult_content,
        preferred_language=message.preferred_language,
        enable_collaborative_filtering=message.enable_collaborative_filtering,
        enable_content_based_filtering=message.enable_content_based_filtering,
        recommendation_diversity=min(max(message.recommendation_diversity, 0.0), 1.0),
        favorite_genre_ids=tuple(genre_ids),
    )


def movies_from_event(event: Event) -> list[catalog_events.MovieFacts]:
    """The movies an event of the catalogue tells of."""
    return list(catalog_events.MoviesChanged.FromString(event.payload).movies)


def movie_of(facts: catalog_events.MovieFacts, terms: Iterable[str]) -> Movie:
    """A movie as the replica keeps it."""
    return Movie(
        movie_id=facts.movie_id,
        version=facts.version,
        title=facts.title,
        original_language=facts.original_language,
        release_date=parse_date(facts.release_date, name="release_date"),
        genre_ids=tuple(facts.genre_ids),
        keyword_ids=tuple(word.keyword_id for word in facts.keywords if word.keyword_id),
        person_ids=tuple(dict.fromkeys(person.person_id for person in facts.people)),
        terms=tuple(terms),
        popularity=facts.popularity,
        vote_average=facts.vote_average,
        vote_count=facts.vote_count,
        runtime_minutes=facts.runtime_minutes,
        adult=facts.adult,
        collection_id=facts.collection_id,
    )
