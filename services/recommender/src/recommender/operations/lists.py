"""Making a list for a person, keeping what was shown, and counting clicks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import numpy as np
from sqlalchemy.engine import Connection

from chassis.database import uuid7
from chassis.outbox import publish
from recommender.domain import (
    LIST_LENGTH,
    Exploration,
    Filter,
    Offer,
    Page,
    Preferences,
    Reason,
    RecommendationNotFound,
    sentence,
)
from recommender.messages import documents, facts
from recommender.operations.live import Snapshot
from recommender.ranking import reasons as ranking_reasons
from recommender.ranking.arrays import Mask
from recommender.ranking.ranked import Ranked, Wish, explain, rank
from recommender.ranking.signals import Kind, Signals, Taste, known_to, taste_of
from recommender.store import lists, movies
from recommender.store.lists import RankedList

STREAM = "recommender.events"
# Stars from which on somebody liked what they rated.
_LIKED = 3.5
_BECAUSE_OF = (
    (Kind.WATCHLIST, "because_on_watchlist"),
    (Kind.FAVORITE, "because_you_favorited"),
)
_BECAUSE = ("", "because_you_rated", *(said for _, said in _BECAUSE_OF))


class Person(NamedTuple):
    """All that is known of whom a list is for, and whether that is up to date."""

    user_id: UUID
    signals: Signals
    preferences: Preferences
    sequence: int
    fresh: bool


class Wanted(NamedTuple):
    """What list is asked for."""

    recommendation_type: str
    filter: Filter
    diversity: float | None


# What a person gets who asks for nothing in particular.
AUTOMATIC = Wanted("", Filter(), None)


def type_for(asked: str, preferences: Preferences) -> str:
    """The ranker of an automatic or switched-off type, by what the person lets us use."""
    collaborative = preferences.enable_collaborative_filtering
    content = preferences.enable_content_based_filtering
    if asked == "":
        asked = "hybrid"
    if asked == "hybrid" and not (collaborative and content):
        asked = "collaborative" if collaborative else "content_based"
    if asked == "collaborative" and not collaborative:
        return "popular"
    if asked == "content_based" and not content:
        return "popular"
    return asked


def taste_in(snapshot: Snapshot, person: Person, at: datetime) -> Taste:
    """The person's taste by places in the model; movies it does not hold tell nothing."""
    places = snapshot.ensemble.positions(person.signals.movies)
    genres = np.array(person.preferences.favorite_genre_ids, np.int64)
    return taste_of(known_to(person.signals, places), at=at.timestamp(), genres=genres)


def allowed_in(connection: Connection, snapshot: Snapshot, person: Person, wanted: Filter) -> Mask:
    """Which movies the list may hold, before anything is ranked."""
    allowed = snapshot.shelf.allowed(wanted, include_adult=_adult(person, wanted))
    if wanted.person_ids or wanted.keyword_ids:
        found = movies.movies_with(connection, wanted.person_ids, wanted.keyword_ids)
        allowed &= np.isin(snapshot.shelf.movie_ids, found)
    if wanted.exclude_movie_ids:
        excluded = np.array(wanted.exclude_movie_ids, np.int64)
        allowed &= ~np.isin(snapshot.shelf.movie_ids, excluded)
    return allowed


def _adult(person: Person, wanted: Filter) -> bool:
    if wanted.include_adult is not None:
        return wanted.include_adult
    return person.preferences.include_adult_content


def list_ahead(
    connection: Connection, snapshot: Snapshot, person: Person, wanted: Wanted
) -> RankedList | None:
    """The list made ahead, while nothing that it was made of has changed."""
    if wanted != AUTOMATIC or not person.fresh:
        return None
    return lists.find_ahead(
        connection,
        person.user_id,
        sequence=person.sequence,
        preferences_version=person.preferences.version,
        model_version=snapshot.model_version,
    )


def rank_list(
    connection: Connection,
    snapshot: Snapshot,
    person: Person,
    taste: Taste,
    wanted: Wanted,
    at: datetime,
    exploration: Exploration,
) -> RankedList:
    """A person's whole list, best first; where it was for us to choose, with some exploration."""
    kind = type_for(wanted.recommendation_type, person.preferences)
    diversity = wanted.diversity
    if diversity is None:
        diversity = person.preferences.recommendation_diversity
    wish = Wish(
        kind=kind,
        count=LIST_LENGTH,
        diversity=diversity,
        allowed=allowed_in(connection, snapshot, person, wanted.filter),
        collaborative=person.preferences.enable_collaborative_filtering,
        content=person.preferences.enable_content_based_filtering,
    )
    ranked = rank(snapshot.ensemble, taste, wish)
    order, probabilities = list(range(len(ranked))), list[float]()
    if wanted.recommendation_type == "":
        order, probabilities = exploration.order(len(ranked))
    return RankedList(
        list_id=uuid7(),
        user_id=person.user_id,
        recommendation_type=kind,
        model_version=snapshot.model_version,
        degraded=snapshot.degraded or not person.fresh,
        diversity=diversity,
        movie_ids=snapshot.ensemble.movie_ids[ranked.movies[order]].tolist(),
        scores=ranked.scores[order].tolist(),
        probabilities=probabilities,
        blend=ranked.weights,
        sequence=person.sequence,
        preferences_version=person.preferences.version,
        generated_at=at,
    )


def next_places(
    snapshot: Snapshot, whole: RankedList, person: Person, wanted: Wanted, start: int, size: int
) -> tuple[list[int], int]:
    """The next places to show, without movies that were seen, hidden or removed since the list was
    made, and where to go on."""
    seen = set(person.signals.movies.tolist()) | _gone(snapshot, whole, person, wanted.filter)
    places: list[int] = []
    for place in range(start, len(whole.movie_ids)):
        if len(places) == size:
            return places, place
        if whole.movie_ids[place] not in seen:
            places.append(place)
    return places, len(whole.movie_ids)


def _gone(snapshot: Snapshot, whole: RankedList, person: Person, wanted: Filter) -> set[int]:
    """Movies of a list that may be shown no longer, whatever model knows them."""
    ids = np.array(whole.movie_ids, np.int64)
    shelf = snapshot.catalogue.aligned(ids)
    return set(ids[~shelf.allowed(Filter(), include_adult=_adult(person, wanted))].tolist())


def page_of(
    connection: Connection,
    snapshot: Snapshot,
    person: Person,
    taste: Taste,
    whole: RankedList,
    places: Sequence[int],
    at: datetime,
) -> Page:
    """The places (0 first) of a list, explained and with ids of their own."""
    movie_ids = [whole.movie_ids[place] for place in places]
    told = _explained(connection, snapshot, person, taste, whole.blend, movie_ids)
    offers = tuple(
        Offer(
            recommendation_id=uuid7(),
            movie_id=movie_id,
            recommendation_type=whole.recommendation_type,
            score=float(whole.scores[place]),
            position=place + 1,
            reason=reason,
            probability=float(whole.probabilities[place]) if whole.probabilities else None,
        )
        for place, movie_id, reason in zip(places, movie_ids, told, strict=True)
    )
    return Page(
        list_id=whole.list_id,
        user_id=whole.user_id,
        recommendation_type=whole.recommendation_type,
        model_version=whole.model_version,
        degraded=whole.degraded or not person.fresh,
        generated_at=whole.generated_at,
        served_at=at,
        offers=offers,
    )


def _explained(
    connection: Connection,
    snapshot: Snapshot,
    person: Person,
    taste: Taste,
    blend: Mapping[str, float],
    movie_ids: Sequence[int],
) -> list[Reason]:
    ensemble = snapshot.ensemble
    places = ensemble.positions(np.array(movie_ids, np.int64))
    # Of a list ranked by a model that has gone meanwhile, some movies may be unknown.
    known = places[places >= 0]
    ranked = Ranked(known, np.zeros(len(known), np.float32), dict(blend))
    because = _because(person.signals)
    told = [because.get(movie, "") for movie in ensemble.movie_ids[taste.movies].tolist()]
    groups = np.array([_BECAUSE.index(kind) for kind in told], np.int64)
    found = dict(zip(known.tolist(), explain(ensemble, taste, ranked, groups), strict=True))
    plain = ranking_reasons.Reason("popular")
    raw = [found.get(int(place), plain) for place in places]
    titles = movies.titles_of(connection, {m for reason in raw for m in reason.movie_ids})
    return [_told(reason, titles, snapshot.genre_names, because) for reason in raw]


def _because(signals: Signals) -> dict[int, str]:
    """What may be said of a deed when its movie is named as a cause. What somebody rated low may
    move their list too, but nothing is there because they liked it."""
    said: dict[int, str] = {}
    for kind, because in _BECAUSE_OF:
        said |= dict.fromkeys(signals.movies[signals.kinds == kind].tolist(), because)
    rated = signals.kinds == Kind.RATING
    for movie, rating in zip(signals.movies[rated].tolist(), signals.ratings[rated], strict=True):
        said[movie] = "" if rating < _LIKED else "because_you_rated"
    return said


def _told(
    raw: ranking_reasons.Reason,
    titles: dict[int, str],
    genres: dict[int, str],
    because: Mapping[int, str],
) -> Reason:
    kind = {"genres": "genre"}.get(raw.kind, raw.kind)
    if raw.kind == "movies":
        kind = because[raw.movie_ids[0]]
    people = [term.removeprefix("p:") for term in raw.people]
    reason = Reason(
        kind=kind,
        movie_ids=raw.movie_ids,
        genre_ids=tuple(genre for genre in raw.genre_ids if genre > 0),
        person_ids=tuple(int(person) for person in people if person.isdigit()),
    )
    return replace(reason, text=sentence(reason, titles, genres))


def keep_served(connection: Connection, page: Page, *, whole: RankedList | None = None) -> None:
    """Before the answer leaves: the page for the history, and the list if it has more pages."""
    if whole is not None:
        lists.keep_list(connection, whole)
    if page.offers:
        lists.append_page(connection, uuid7(), page.user_id, documents.page_document(page))


def record_pages(
    connection: Connection,
    limit: int,
    *,
    user_id: UUID | None = None,
    offering: UUID | None = None,
) -> int:
    """Move pages that were served into the history and tell of them; how many they were."""
    taken = lists.take_pages(connection, limit, user_id=user_id, offering=offering)
    pages = [
        in_time(documents.page_from_document(row.page), received_at=row.created_at) for row in taken
    ]
    reasons = [documents.reason_document(o.reason) for page in pages for o in page.offers]
    lists.add_history(connection, pages, reasons)
    publish(connection, STREAM, [facts.list_served(page) for page in pages])
    return len(pages)


def record_click(
    connection: Connection, user_id: UUID, recommendation_id: UUID, *, at: datetime
) -> bool:
    """Count a click once; one that comes before its page is recorded records the page first."""
    for retry in (False, True):
        clicked = lists.click(connection, user_id, recommendation_id, at)
        if clicked is not None:
            publish(connection, STREAM, [facts.recommendation_clicked(clicked)])
            return True
        if lists.has_recommendation(connection, user_id, recommendation_id, at):
            return False
        if not retry:
            record_pages(connection, 1, user_id=user_id, offering=recommendation_id)
    raise RecommendationNotFound("no such recommendation")


def in_time(page: Page, *, received_at: datetime) -> Page:
    """The page as of when we received it, where it was served by a clock that is wrong or so long
    ago that the history may have no month for it: no page may keep others out of the history."""
    month = received_at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if month <= page.served_at <= received_at + lists.CLOCKS_DIFFER_BY:
        return page
    return replace(page, served_at=received_at)
