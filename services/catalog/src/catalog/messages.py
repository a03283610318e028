"""The catalog's rows and records as messages."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy.engine import RowMapping

from catalog.domain.movies import MovieRecord
from marquee.catalog.v1 import catalog_pb2 as pb
from marquee.catalog.v1 import events_pb2 as events

_KEYWORDS_LIMIT = 30
_ACTORS_LIMIT = 10
_OVERVIEW_LIMIT = 1000
_NO_SIZES: Sequence[str] = ()


def movie_facts(record: MovieRecord, version: int, source: str) -> events.MovieFacts:
    """What a replica needs to know of a movie."""
    facts = events.MovieFacts(
        movie_id=record.movie_id,
        version=version,
        title=record.title,
        original_language=record.original_language,
        release_date=record.release_date.isoformat() if record.release_date else "",
        genre_ids=[genre_id for genre_id, _ in record.genres],
        overview=record.overview[:_OVERVIEW_LIMIT],
        popularity=record.votes.popularity,
        vote_average=record.votes.vote_average,
        vote_count=record.votes.vote_count,
        runtime_minutes=record.runtime_minutes,
        adult=record.adult,
        source=source,
        collection_id=record.collection.collection_id if record.collection else 0,
        imdb_id=record.imdb_id,
        poster_path=record.poster_path,
    )
    # Filled in place: made by themselves and then copied, they took two thirds of all the time.
    for keyword_id, name in record.keywords[:_KEYWORDS_LIMIT]:
        keyword = facts.keywords.add()
        keyword.keyword_id, keyword.name = max(keyword_id, 0), name
    names = {person.person_id: person.name for person in record.people}
    for person_id, role in _roles(record):
        person = facts.people.add()
        person.person_id, person.name, person.role = person_id, names.get(person_id, ""), role
    return facts


def _roles(record: MovieRecord) -> Iterable[tuple[int, str]]:
    found: dict[tuple[int, str], None] = {}
    actors = 0
    for credit in record.credits:
        if credit.job == "Director":
            found[credit.person_id, "director"] = None
        elif credit.department == "Writing":
            found[credit.person_id, "writer"] = None
        elif credit.department == "Acting" and actors < _ACTORS_LIMIT:
            actors += 1
            found[credit.person_id, "actor"] = None
    return found


def moment(at: datetime | None) -> Timestamp | None:
    """A moment, or nothing."""
    if at is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp


def movie(row: RowMapping, genre_names: Mapping[int, str]) -> pb.Movie:
    """A movie as lists show it; a removed one is a stub."""
    if row["removed"]:
        return pb.Movie(movie_id=row["movie_id"], title=row["title"], removed=True)
    return pb.Movie(
        movie_id=row["movie_id"],
        title=row["title"],
        original_title=row["original_title"],
        original_language=row["original_language"],
        overview=row["overview"],
        release_date=row["release_date"].isoformat() if row["release_date"] else "",
        genres=[
            pb.Genre(genre_id=genre_id, name=genre_names.get(genre_id, ""))
            for genre_id in row["genre_ids"]
        ],
        popularity=row["popularity"],
        vote_average=row["vote_average"],
        vote_count=row["vote_count"],
        runtime_minutes=row["runtime_minutes"],
        adult=row["adult"],
        poster_path=row["poster_path"],
        backdrop_path=row["backdrop_path"],
        source=row["source"],
        version=row["version"],
    )


def movie_detail(shown: pb.Movie, row: RowMapping) -> pb.MovieDetail:
    """A movie as its own page shows it."""
    return pb.MovieDetail(
        movie=shown,
        tagline=row["tagline"],
        status=row["status"],
        homepage=row["homepage"],
        budget=row["budget"],
        revenue=row["revenue"],
        imdb_id=row["imdb_id"],
        external_ids=row["external_ids"],
        production_countries=row["production_countries"],
        spoken_languages=row["spoken_languages"],
        translated_languages=row["translated_languages"],
        certifications=[
            pb.Certification(region=one["region"], certification=one["certification"])
            for one in row["certifications"]
        ],
        collection_id=row["collection_id"] or 0,
        collection_name=row["collection_name"] or "",
        synced_at=moment(row["synced_at"]),
    )


def credit(row: RowMapping) -> pb.Credit:
    """One part of a person in a movie."""
    return pb.Credit(
        person_id=row["person_id"],
        name=row["name"],
        department=row["department"],
        job=row["job"],
        character=row["character"],
        billing_order=row["billing_order"],
        profile_path=row["profile_path"],
    )


def keyword(row: RowMapping) -> pb.Keyword:
    """A keyword; an imported tag has no TMDb id."""
    return pb.Keyword(keyword_id=max(row["keyword_id"], 0), name=row["name"])


def video(row: RowMapping) -> pb.Video:
    """A trailer or clip."""
    return pb.Video(
        video_id=row["video_id"],
        name=row["name"],
        site=row["site"],
        key=row["key"],
        type=row["type"],
        language=row["language"],
        official=row["official"],
    )


def collection(row: RowMapping, movies: Sequence[pb.Movie], next_page_token: str) -> pb.Collection:
    """A collection with a page of its movies."""
    return pb.Collection(
        collection_id=row["collection_id"],
        name=row["name"],
        overview=row["overview"],
        poster_path=row["poster_path"],
        backdrop_path=row["backdrop_path"],
        movies=movies,
        next_page_token=next_page_token,
    )


def person(row: RowMapping) -> pb.Person:
    """A person of the movie world."""
    return pb.Person(
        person_id=row["person_id"],
        name=row["name"],
        known_for_department=row["known_for_department"],
        profile_path=row["profile_path"],
        popularity=row["popularity"],
    )


def watch_provider(offer: Sequence[Any]) -> pb.WatchProvider:
    """One offer as the sync stored it."""
    kind, provider_id, name, logo_path, display_priority = offer
    return pb.WatchProvider(
        provider_id=provider_id,
        name=name,
        offer=kind,
        logo_path=logo_path,
        display_priority=display_priority,
    )


def configuration(images: Mapping[str, Any], attribution: str) -> pb.GetConfigurationResponse:
    """Where pictures are, and what has to be said."""
    return pb.GetConfigurationResponse(
        image_base_url=images["secure_base_url"],
        poster_sizes=images.get("poster_sizes", _NO_SIZES),
        backdrop_sizes=images.get("backdrop_sizes", _NO_SIZES),
        profile_sizes=images.get("profile_sizes", _NO_SIZES),
        logo_sizes=images.get("logo_sizes", _NO_SIZES),
        attribution=attribution,
    )


def sync_run(row: RowMapping, now: datetime) -> pb.SyncRun:
    """A run, with its rate so far."""
    started, ended = row["started_at"], row["finished_at"] or now
    seconds = (ended - started).total_seconds() if started else 0.0
    return pb.SyncRun(
        sync_run_id=str(row["sync_run_id"]),
        stage=row["stage"],
        state=row["state"],
        started_at=moment(started),
        finished_at=moment(row["finished_at"]),
        done_count=row["done_count"],
        remaining_count=row["remaining_count"],
        changed_count=row["changed_count"],
        quarantined_count=row["quarantined_count"],
        requests_count=row["requests_count"],
        error=row["error"],
        rate=row["done_count"] / seconds if seconds > 0 else 0.0,
        unknown_fields=row["unknown_fields"],
    )


def quarantine_entry(row: RowMapping) -> pb.QuarantineEntry:
    """A record that could not be loaded."""
    return pb.QuarantineEntry(
        quarantine_entry_id=str(row["quarantine_entry_id"]),
        kind=row["kind"],
        source_id=row["source_id"],
        error=row["error"],
        body=bytes(row["body"]).decode("utf-8", "replace"),
        quarantined_at=moment(row["quarantined_at"]),
        attempts=row["attempts"],
        state=row["state"],
    )
