"""Reading: what each page costs at this size, beside the same at a hundredth of it.

Both catalogues are open at once and are asked by turns: a shared machine is faster in one minute
than in the next.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from statistics import median, quantiles
from typing import Any

from chassis.clients import channel
from launcher.bench.rows import Row, at_most
from launcher.bench.world import World
from marquee.catalog.v1 import catalog_pb2 as pb
from marquee.catalog.v1 import catalog_pb2_grpc

PART = "catalog"
_CALL_SECONDS = 60.0
_WARM, _TURNS, _TIMES = 3, 9, 5
_PAGE, _DEEP_PAGE, _LARGEST_PAGE = 20, 1000, 100
_SLOWER_AT_MOST = 2.0
_SEARCH_MILLISECONDS = 40.0
_SEARCHES = 60

Ask = Callable[[], Any]


def reading_rows(large: World, small: World) -> Iterator[Row]:
    """Ask everything that can be asked, and look at what service and database spent on it."""
    with _opened(large) as at_full, _opened(small) as at_a_hundredth:
        others = _pages(small, at_a_hundredth)
        for what, ask in _pages(large, at_full).items():
            yield _page_row(what, *_by_turns((large, ask), (small, others[what])))
        found = [_spent(large, ask) for ask in _searches(large, at_full)]
        others_found = [_spent(small, ask) for ask in _searches(small, at_a_hundredth)]
        yield _search_row(found, others_found)


def _page_row(what: str, large: list[float], small: list[float]) -> Row:
    ratio = median(one / other for one, other in zip(large, small, strict=True))
    return Row(
        PART,
        what,
        f"{median(large):.2f} ms CPU",
        f"{ratio:.2f}x",
        f"at most {_SLOWER_AT_MOST:g}x of 1%",
        met=ratio <= _SLOWER_AT_MOST,
    )


def _search_row(large: list[float], small: list[float]) -> Row:
    worst, other = quantiles(large, n=20)[-1], quantiles(small, n=20)[-1]
    what, ratio = "search with two typos, p95", f"{worst / other:.2f}x"
    return at_most(PART, what, worst, _SEARCH_MILLISECONDS, "ms CPU", ratio=ratio)


def _by_turns(*asked: tuple[World, Ask]) -> list[list[float]]:
    """CPU milliseconds of one request, of each turn of each."""
    for _, ask in asked:
        for _ in range(_WARM):
            ask()
    turns = [[_spent(world, ask, _TIMES) for world, ask in asked] for _ in range(_TURNS)]
    return [list(costs) for costs in zip(*turns, strict=True)]


def _spent(world: World, ask: Ask, times: int = 1) -> float:
    before = world.request_seconds("catalog")
    for _ in range(times):
        ask()
    return (world.request_seconds("catalog") - before) / times * 1000


@contextmanager
def _opened(world: World) -> Generator[catalog_pb2_grpc.CatalogServiceStub]:
    world.start("catalog.serve")
    told = world.environment("catalog")
    with channel(
        told["CATALOG_ADDRESS"],
        internal_key=told["INTERNAL_KEY"],
        service="gateway",
        timeout_seconds=_CALL_SECONDS,
    ) as opened:
        yield catalog_pb2_grpc.CatalogServiceStub(opened)


def _pages(world: World, catalog: catalog_pb2_grpc.CatalogServiceStub) -> dict[str, Ask]:
    def browse(sort: str = "POPULARITY_DESC", token: str = "", **filters: Any) -> Ask:
        request = pb.ListMoviesRequest(
            filter=pb.MovieFilter(**filters),
            sort=f"MOVIE_SORT_{sort}",
            page_size=_PAGE,
            page_token=token,
        )
        return lambda: catalog.ListMovies(request)

    person, keyword = (
        _busiest(world, "credit", "person_id"),
        _busiest(world, "movie_keyword", "keyword_id"),
    )
    top = [movie.movie_id for movie in browse()().movies]
    batch = pb.BatchGetMoviesRequest(movie_ids=top)
    asked: dict[str, Ask] = {
        "movie": lambda: catalog.GetMovie(pb.GetMovieRequest(movie_id=top[0])),
        "batch of 20": lambda: catalog.BatchGetMovies(batch),
        "page 1": browse(),
        f"page {_DEEP_PAGE:,} (or the last)": browse(token=_deep_token(catalog)),
    }
    for sort in ("POPULARITY", "RATING", "RELEASE_DATE", "TITLE"):
        asked[f"sort {sort.lower()}"] = browse(sort)
        asked[f"sort -{sort.lower()}"] = browse(f"{sort}_DESC")
    filters: dict[str, dict[str, Any]] = {
        "genre": {"genre_ids": [18]},
        "two genres": {"genre_ids": [18, 10749]},
        "year": {"year": 2015},
        "released after": {"released_after": "2015-01-01"},
        "released before": {"released_before": "1960-01-01"},
        "rating": {"min_rating": 7.5},
        "votes": {"min_votes": 1000},
        "language": {"language": "ko"},
        "runtime at least": {"min_runtime": 150},
        "runtime at most": {"max_runtime": 60},
        "person": {"person_ids": [person]},
        "keyword": {"keyword_ids": [keyword]},
        "genre, year, rating, language": {
            "genre_ids": [18], "year": 2015, "min_rating": 6, "language": "en",
        },
    }  # fmt: skip
    for name, values in filters.items():
        asked[f"filter {name}"] = browse(**values)
        asked[f"filter {name}, by title"] = browse("TITLE", **values)
        asked[f"filter {name}, newest first"] = browse("RELEASE_DATE_DESC", **values)
    return asked


def _busiest(world: World, table: str, column: str) -> int:
    """What most movies have; names are ours."""
    found = world.query(
        "catalog",
        f"select {column} from {table} group by 1 order by count(*) desc, 1 limit 1",  # noqa: S608 - as said
    )
    return found[0]


def _deep_token(catalog: catalog_pb2_grpc.CatalogServiceStub) -> str:
    """Where page 1,000 begins; where the last one does in a small catalogue."""
    token, seen = "", 0
    while (left := (_DEEP_PAGE - 1) * _PAGE - seen) > 0:
        size = min(left, _LARGEST_PAGE)
        reply = catalog.ListMovies(
            pb.ListMoviesRequest(
                sort="MOVIE_SORT_POPULARITY_DESC", page_size=size, page_token=token
            )
        )
        if not reply.next_page_token:
            break
        token, seen = reply.next_page_token, seen + size
    return token


def _searches(world: World, catalog: catalog_pb2_grpc.CatalogServiceStub) -> Iterator[Ask]:
    titles = world.queries(
        "catalog",
        "select distinct on (title) title from movie where length(title) > 10"
        " and tmdb_id %% (select greatest(1, count(*) / 5000) from movie) = 0 limit %s",
        _SEARCHES,
    )
    for (title,) in titles:
        request = pb.SearchMoviesRequest(query=_misspelt(title), page_size=_PAGE)
        yield lambda request=request: catalog.SearchMovies(request)


def _misspelt(title: str) -> str:
    """Two letters swapped near the beginning, and one lost in the middle."""
    middle = len(title) // 2
    return title[:1] + title[2] + title[1] + title[3:middle] + title[middle + 1 :]
