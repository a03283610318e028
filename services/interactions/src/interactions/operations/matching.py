"""Asking the catalogue which movies are meant, and what it knows of them."""

from collections.abc import Sequence

from interactions.domain.entries import Movie
from interactions.domain.imports import Clue
from interactions.messages.movies import movie_of_answer
from marquee.catalog.v1 import catalog_pb2, catalog_pb2_grpc

_TIMEOUT_SECONDS = 10.0


class Matching:
    """The catalogue's own judgement; while it is away a job waits and tries again."""

    def __init__(self, catalog: catalog_pb2_grpc.CatalogServiceStub) -> None:
        self._catalog = catalog

    def match(self, clues: Sequence[Clue]) -> list[tuple[int, int]]:
        """Movie id (or 0) and how many movies fit equally well, for each clue."""
        if not clues:
            return []
        request = catalog_pb2.BatchMatchMoviesRequest(
            clues=[
                catalog_pb2.MovieClue(
                    movie_id=clue.movie_id,
                    imdb_id=clue.imdb_id,
                    title=clue.title,
                    year=clue.year,
                )
                for clue in clues
            ]
        )
        reply = self._catalog.BatchMatchMovies(request, timeout=_TIMEOUT_SECONDS)
        return list(zip(reply.movie_ids, reply.candidates_counts, strict=True))

    def movies(self, movie_ids: Sequence[int]) -> list[Movie]:
        """Those of the movies that the catalogue has, for whom no event has come yet."""
        if not movie_ids:
            return []
        request = catalog_pb2.BatchGetMoviesRequest(movie_ids=movie_ids)
        reply = self._catalog.BatchGetMovies(request, timeout=_TIMEOUT_SECONDS)
        return [movie_of_answer(movie) for movie in reply.movies if not movie.removed]
