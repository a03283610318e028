"""Keeping the replicas of people's doings, their preferences and the catalogue."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.engine import Connection

from marquee.catalog.v1.events_pb2 import MovieFacts
from recommender.domain import Change, advanced, parse_date
from recommender.messages import heard
from recommender.ranking.catalogue import terms_of
from recommender.store import movies, tastes
from recommender.store.tastes import Applied


def apply_changes(connection: Connection, changes: Sequence[Change]) -> None:
    """Take in interactions as events told them, in any order and any number of times."""
    numbers: dict[UUID, list[int]] = defaultdict(list)
    for change in changes:
        numbers[change.user_id].append(change.sequence)
    if not numbers:
        return
    held = tastes.hold_tastes(connection, numbers)
    tastes.keep_changes(connection, changes)
    moved = {
        user_id: Applied(*advanced(state.sequence, state.ahead, numbers[user_id]))
        for user_id, state in held.items()
    }
    tastes.advance_tastes(connection, moved)


def catch_up(
    connection: Connection, user_id: UUID, changes: Sequence[Change], *, up_to: int
) -> None:
    """Take in all of a person's changes up to a sequence, as the owner of them listed them.

    Writes replaced by later ones are not listed, so their numbers are jumped over.
    """
    held = tastes.hold_tastes(connection, [user_id])[user_id]
    tastes.keep_changes(connection, changes)
    reached = max(held.sequence, up_to)
    tastes.advance_tastes(connection, {user_id: Applied(*advanced(reached, held.ahead, ()))})


def take_movies(connection: Connection, told: Sequence[MovieFacts]) -> None:
    """Keep movies as the catalogue told them, described by terms for likeness."""
    movies.keep_movies(connection, [heard.movie_of(facts, _terms(facts)) for facts in told])


def _terms(facts: MovieFacts) -> list[str]:
    released = parse_date(facts.release_date, name="release_date")
    return terms_of(
        genres=facts.genre_ids,
        keywords=[word.keyword_id or word.name.lower() for word in facts.keywords],
        people=dict.fromkeys(person.person_id for person in facts.people),
        title=facts.title,
        overview=facts.overview,
        year=released.year if released else None,
        language=facts.original_language,
        collection=facts.collection_id or None,
    )
