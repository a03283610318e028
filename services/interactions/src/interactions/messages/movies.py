"""What is kept of a movie, from what the catalogue says of it."""

from interactions.domain.entries import Movie
from interactions.messages.values import release_date_from
from marquee.catalog.v1 import catalog_pb2
from marquee.catalog.v1 import events_pb2 as catalog_events


def movie_of_facts(facts: catalog_events.MovieFacts) -> Movie:
    """What we keep of a movie, from an event of the catalogue."""
    return Movie(
        movie_id=facts.movie_id,
        title=facts.title,
        genre_ids=tuple(facts.genre_ids),
        release_date=release_date_from(facts.release_date),
        version=facts.version,
    )


def movie_of_answer(movie: catalog_pb2.Movie) -> Movie:
    """What we keep of a movie, from an answer of the catalogue."""
    return Movie(
        movie_id=movie.movie_id,
        title=movie.title,
        genre_ids=tuple(genre.genre_id for genre in movie.genres),
        release_date=release_date_from(movie.release_date),
    )
