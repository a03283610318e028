"""Everything a service holds on a person, in pages small enough for any amount of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from chassis.paging import PageTokens

_ROWS = 200
_PAGE_BYTES = 1024 * 1024

PERSON = sa.bindparam("person_id", type_=sa.Uuid)
"""Whose export it is, for a source whose `owner` no index knows."""


@dataclass(frozen=True)
class Section:
    """One kind of record: rows of `source` whose `owner` is the person, in the order of `key`."""

    name: str
    source: sa.FromClause
    key: Sequence[str]
    """Columns that tell a person's rows apart."""
    owner: str = "user_id"
    left_out: Sequence[str] = ()
    """Columns that open something, or say nothing to anybody: hashes of tokens."""
    at_once: int = _ROWS
    """How many rows a page may have; fewer where a single one may be as large as a page."""


def export_page(
    connection: Connection,
    sections: Sequence[Section],
    user_id: UUID,
    page_tokens: PageTokens,
    page_token: str,
) -> tuple[bytes, str]:
    """The next page as a JSON object with one section, and the token of the page after it.

    A section may take several pages, one after another; every section comes, empty or not.
    """
    scope = f"export:{user_id}"
    name, place = sections[0].name, list[str]()
    if page_token:
        name, *place = page_tokens.decode(scope, page_token)
    position = next(number for number, one in enumerate(sections) if one.name == name)
    section = sections[position]
    rows = connection.execute(_statement(section, user_id, place), {PERSON.key: user_id}).all()
    page = rows[: _fitting([row.record for row in rows[: section.at_once]])]
    document = json.dumps({name: [json.loads(row.record) for row in page]}, ensure_ascii=False)
    if len(page) < len(rows):
        return document.encode(), page_tokens.encode(scope, [name, *page[-1][1:]])
    if position + 1 < len(sections):
        return document.encode(), page_tokens.encode(scope, [sections[position + 1].name])
    return document.encode(), ""


def _statement(
    section: Section, user_id: UUID, place: Sequence[str]
) -> sa.Select[*tuple[Any, ...]]:
    columns = section.source.c
    key = [columns[name] for name in section.key]
    owner = columns[section.owner]
    own = owner == (user_id if isinstance(owner.type, sa.Uuid) else str(user_id))
    told = [one for one in columns if one.name not in section.left_out]
    rows = sa.select(*told).where(own).order_by(*key).limit(section.at_once + 1)
    if place:
        after = [sa.cast(sa.literal(text), one.type) for text, one in zip(place, key, strict=True)]
        rows = rows.where(sa.tuple_(*key) > sa.tuple_(*after))
    found = rows.subquery("found")
    record = sa.func.row_to_json(sa.literal_column("found"))
    names = [sa.cast(found.c[name], sa.Text) for name in section.key]
    return sa.select(sa.cast(record, sa.Text).label("record"), *names).order_by(
        *[found.c[name] for name in section.key]
    )


def _fitting(records: Sequence[str]) -> int:
    """How many may go into one page: one at least."""
    sizes = accumulate(len(record.encode()) for record in records)
    return max(1, sum(size <= _PAGE_BYTES for size in sizes)) if records else 0
