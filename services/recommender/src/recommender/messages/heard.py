"""What others tell, by event or when asked."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from typing import Any
from uuid import UUID

from chassis.events import Event
from marquee.catalog.v1 import events_pb2 as catalog_events
from marquee.gateway.v1 import events_pb2 as gateway_events
from marquee.interactions.v1 import events_pb2 as interaction_events
from marquee.interactions.v1 import interactions_pb2
from marquee.users.v1 import events_pb2 as user_events
from marquee.users.v1 import users_pb2
from recommender.domain import (
    Change,
    Kind,
    Movie,
    Offer,
    Page,
    Preferences,
    Reason,
    parse_date,
)
from recommender.messages.values import moment

KINDS_OF_CHANGE: Mapping[int, Kind] = {
    interactions_pb2.INTERACTION_KIND_FAVORITE: Kind.FAVORITE,
    interactions_pb2.INTERACTION_KIND_RATING: Kind.RATING,
    interactions_pb2.INTERACTION_KIND_WATCHLIST: Kind.WATCHLIST,
    interactions_pb2.INTERACTION_KIND_HIDDEN: Kind.HIDDEN,
}


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
    )


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
