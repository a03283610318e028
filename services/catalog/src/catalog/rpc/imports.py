"""What imports need: movies from files, and the movie that a file means."""

import re

import grpc

from catalog.domain.movies import BATCH_LIMIT
from catalog.domain.titles import title_key
from catalog.operations import loading
from catalog.rpc.frame import Frame, checked_id
from catalog.store import matching
from chassis.errors import Invalid
from chassis.text import clean_text
from marquee.catalog.v1 import catalog_pb2 as pb

_TITLE_LENGTH = 500
_TAG_LENGTH = 200
_TAGS_LIMIT = 2000
_YEARS = range(0, 10_000)
_IMDB_ID = re.compile(r"(tt[0-9]{5,12})?")


class ImportsServicer(Frame):
    """Batches for imports."""

    def BatchCreateMovies(
        self, request: pb.BatchCreateMoviesRequest, context: grpc.ServicerContext
    ) -> pb.BatchCreateMoviesResponse:
        _check_count(len(request.movies), "movies")
        imported = [
            _checked(movie, f"movies.{number}") for number, movie in enumerate(request.movies)
        ]
        with self._database.begin() as connection:
            written = loading.import_movies(connection, imported)
        return pb.BatchCreateMoviesResponse(
            created_count=written.created_count,
            updated_count=written.updated_count,
            unchanged_count=written.unchanged_count,
        )

    def BatchMatchMovies(
        self, request: pb.BatchMatchMoviesRequest, context: grpc.ServicerContext
    ) -> pb.BatchMatchMoviesResponse:
        _check_count(len(request.clues), "clues")
        clues = [_clue(clue, f"clues.{number}") for number, clue in enumerate(request.clues)]
        with self._database.read() as connection:
            matches = matching.match(connection, clues)
        return pb.BatchMatchMoviesResponse(
            movie_ids=[movie_id for movie_id, _count in matches],
            candidates_counts=[count for _movie_id, count in matches],
        )


def _check_count(count: int, field: str) -> None:
    if not 0 < count <= BATCH_LIMIT:
        raise Invalid(f"must be 1 to {BATCH_LIMIT}", field=field)


def _checked(movie: pb.ImportedMovie, field: str) -> pb.ImportedMovie:
    checked_id(movie.movie_id, f"{field}.movie_id")
    try:
        loading.imported_date(movie.release_date)
    except ValueError as error:
        message = "must be a date, a year, or empty"
        raise Invalid(message, field=f"{field}.release_date") from error
    if len(movie.tags) + len(movie.genre_names) > _TAGS_LIMIT:
        raise Invalid(f"at most {_TAGS_LIMIT} genres and tags", field=f"{field}.tags")
    return pb.ImportedMovie(
        movie_id=movie.movie_id,
        title=clean_text(
            movie.title, field=f"{field}.title", min_length=1, max_length=_TITLE_LENGTH
        ),
        release_date=movie.release_date,
        genre_names=[
            clean_text(name, field=f"{field}.genre_names", max_length=_TAG_LENGTH)
            for name in movie.genre_names
        ],
        imdb_id=_imdb_id(movie.imdb_id, f"{field}.imdb_id"),
        tags=[clean_text(tag, field=f"{field}.tags", max_length=_TAG_LENGTH) for tag in movie.tags],
        original_title=clean_text(
            movie.original_title, field=f"{field}.original_title", max_length=_TITLE_LENGTH
        ),
    )


def _imdb_id(text: str, field: str) -> str:
    if not _IMDB_ID.fullmatch(text):
        raise Invalid("must look like tt1234567", field=field)
    return text


def _clue(clue: pb.MovieClue, field: str) -> matching.Clue:
    if clue.movie_id < 0:
        raise Invalid("must not be negative", field=f"{field}.movie_id")
    if clue.year not in _YEARS:
        raise Invalid("is not a year", field=f"{field}.year")
    title = clean_text(clue.title, field=f"{field}.title", max_length=_TITLE_LENGTH)
    imdb_id = clean_text(clue.imdb_id, field=f"{field}.imdb_id", max_length=20)
    return matching.Clue(clue.movie_id, imdb_id, title_key(title), clue.year)
