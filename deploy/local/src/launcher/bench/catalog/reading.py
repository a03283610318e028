"""Reading: what each page costs at this size, beside the same at a hundredth of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

from chassis.clients import channel
from launcher.bench.rows import Row, at_most
from launcher.bench.world import World
from marquee.catalog.v1 import catalog_pb2 as pb
from marquee.catalog.v1 import catalog_pb2_grpc

PART = "catalog"
_CALL_SECONDS = 60.0
_WARM, _TIMES = 3, 25
_PAGE, _DEEP_PAGE, _LARGEST_PAGE = 20, 1000, 100
_SLOWER_AT_MOST = 2.0
_SEARCH_MILLISECONDS = 40.0
_SEARCHES = 60

Ask = Callable[[], Any]


@dataclass(frozen=True)
class Costs:
    """CPU milliseconds of one request of each kind, and of each search with two typos."""

    pages: Mapping[str, float]
    searches: Sequence[float]


def reading_rows(large: Costs, small: Costs) -> Iterator[Row]:
    """Costs at full size against those at a hundredth."""
    for what, cost in large.pages.items():
        ratio = cost / small.pages[what]
        yield Row(
            PART,
            what,
            f"{cost:.2f} ms CPU",
            f"{ratio:.2f}x",
            f"at most {_SLOWER_AT_MOST:g}x of 1%",
            met=ratio <= _SLOWER_AT_MOST,
        )
    worst = quantiles(large.searches, n=20)[-1]
    yield at_most(PART, "search with two typos, p95", worst, _SEARCH_MILLISECONDS, "ms CPU")


def reading_costs(world: World) -> Costs:
    """Ask everything that can be asked, and look at what the service and its database spent."""
    world.start("catalog.serve")
    told = world.environment("catalog")
    with ExitStack() as stack:
        opened = stack.enter_context(
            channel(
                told["CATALOG_ADDRESS"],
                internal_key=told["INTERNAL_KEY"],
                service="gateway",
                timeout_seconds=_CALL_SECONDS,
            )
        )
        catalog = catalog_pb2_grpc.CatalogServiceStub(opened)
        pages = {what: _cost(world, ask) for what, ask in _pages(world, catalog).items()}
        return Costs(pages, [_spent(world, ask) for ask in _searches(world, catalog)])


def _cost(world: World, ask: Ask) -> float:
    for _ in range(_WARM):
        ask()
    return _spent(world, ask, _TIMES)


def _spent(world: World, ask: Ask, times: int = 1) -> float:
    before = world.request_seconds("catalog")
    for _ in range(times):
        ask()
    return (world.request_seconds("catalog") - before) / times * 1000


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
