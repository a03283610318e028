"""What several movies share: genres, keywords, people, collections, and the words of search."""

# ruff: noqa: S608 - the names put into these statements are constants; values are bound

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalog.domain.movies import MovieRecord, PersonRecord
from catalog.domain.titles import WORD_LENGTH, title_key
from catalog.store import bulk
from catalog.store.familiar import Familiar
from catalog.tables.movies import collection, keyword
from catalog.tables.people import person
from catalog.tables.search import name_word

_PERSON = ("person_id", "name", "name_key", "known_for_department", "profile_path", "popularity")


def write(connection: Connection, movies: Sequence[MovieRecord], familiar: Familiar) -> None:
    """Genres, keywords, people and collections of these movies, in the order of ids."""
    genres = {key: name for movie in movies for key, name in movie.genres}
    keywords = {key: name for movie in movies for key, name in movie.keywords}
    add_genres(connection, genres)
    rows: list[Any] = sorted(keywords.items())
    bulk.merge(connection, keyword, ("keyword_id", "name"), ("keyword_id",), rows)
    if any(movie.people for movie in movies) and _others_wrote_people(connection, familiar):
        familiar.forget()
    _write_people(connection, familiar.strangers(one for movie in movies for one in movie.people))
    collections = {m.collection.collection_id: m.collection for m in movies if m.collection}
    columns = ("collection_id", "name", "poster_path", "backdrop_path")
    rows = [
        (c.collection_id, c.name, c.poster_path, c.backdrop_path)
        for c in (collections[key] for key in sorted(collections))
    ]
    bulk.merge(connection, collection, columns, ("collection_id",), rows)


def _write_people(connection: Connection, people: Sequence[PersonRecord]) -> None:
    """Of these, which stand in the order of ids, those who are new or told otherwise."""
    known = _written_otherwise(connection, people)
    new, changed = list[tuple[Any, ...]](), list[tuple[Any, ...]]()
    for p in people:
        if p.person_id in known:
            rows = changed if known[p.person_id] else new
            rows.append((p.person_id, p.name, title_key(p.name), p.known_for_department,
                         p.profile_path, p.popularity))  # fmt: skip
    bulk.copy(connection, person, _PERSON, new)
    bulk.merge(connection, person, _PERSON, ("person_id",), changed)
    if known:
        add_words(connection, name_word, (row[2] for row in (*new, *changed)))


def _written_otherwise(connection: Connection, people: Sequence[PersonRecord]) -> dict[int, bool]:
    """Those who are not stored just like this, and whether they are stored at all.

    One by one by their ids, which the planner would not choose while there are few: most of them
    are stored as they are.
    """
    result = connection.exec_driver_sql(
        "select i.person_id, p.person_id is not null"
        " from unnest(%(ids)s::bigint[], %(names)s::text[], %(departments)s::text[],"
        " %(paths)s::text[], %(popularities)s::float8[])"
        " i (person_id, name, department, path, popularity)"
        " left join lateral (select * from person where person_id = i.person_id limit 1) p on true"
        " where (p.person_id, p.name, p.known_for_department, p.profile_path, p.popularity)"
        " is distinct from (i.person_id, i.name, i.department, i.path, i.popularity)",
        {
            "ids": bulk.array(str(one.person_id) for one in people),
            "names": bulk.array(one.name for one in people),
            "departments": bulk.array(one.known_for_department for one in people),
            "paths": bulk.array(one.profile_path for one in people),
            "popularities": bulk.array(str(one.popularity) for one in people),
        },
    )
    return {row[0]: row[1] for row in result}


def _others_wrote_people(connection: Connection, familiar: Familiar) -> bool:
    """Whether somebody else did last, or nobody yet; from now on it is us, if this is committed."""
    return bool(
        connection.exec_driver_sql(
            "insert into sync_watermark as w (source, name, value)"
            " values ('', 'people_writer', %(writer)s) on conflict (source, name)"
            " do update set value = excluded.value, updated_at = now()"
            " where w.value <> excluded.value",
            {"writer": str(familiar.writer_id)},
        ).rowcount
    )


def add_genres(connection: Connection, genres: dict[int, str]) -> None:
    """Genres the reference stage has not brought yet; it alone may rename one."""
    if genres:
        connection.exec_driver_sql(
            "insert into genre (tmdb_id, name)"
            " select * from unnest(%(ids)s::bigint[], %(names)s::text[])"
            " g (id, name) where not exists (select from genre where tmdb_id = g.id) order by id"
            " on conflict (tmdb_id) do nothing",
            {"ids": list(genres), "names": list(genres.values())},
        )


def add_words(connection: Connection, words: sa.Table, keys: Iterable[str]) -> None:
    """Remember the words of these keys, for search; most are known already.

    Beside each stands what is left of it without any one of its letters.
    """
    connection.exec_driver_sql(
        f"insert into {words.name} (word, near) select w, array(select distinct"
        " substr(w, 1, i - 1) || substr(w, i + 1) from generate_series(1, length(w) + 1) i)"
        f" from unnest(%(words)s::text[]) w where length(w) <= {WORD_LENGTH}"
        f" and not exists (select from {words.name} k where k.word = w) order by w"
        " on conflict (word) do nothing",
        {"words": bulk.array({word for key in keys for word in key.split()})},
    )
