"""Lists as ranked, pages as served, and the history they become."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from recommender.domain import Page, minted_at
from recommender.tables import ranked_list, recommendation, served_page, taste

# A page's rows are stamped a moment before their ids are minted; clocks of replicas may differ.
CLOCKS_DIFFER_BY = timedelta(minutes=10)


class RankedList(NamedTuple):
    """A whole list, kept for its further pages, or made ahead for whoever comes."""

    list_id: UUID
    user_id: UUID
    recommendation_type: str
    model_version: str
    degraded: bool
    diversity: float
    movie_ids: Sequence[int]
    scores: Sequence[float]
    probabilities: Sequence[float]
    blend: Mapping[str, float]
    sequence: int
    preferences_version: int
    generated_at: datetime
    ahead: bool = False


_LISTS = sa.select(*[ranked_list.c[name] for name in RankedList._fields]).where(
    ranked_list.c.user_id == sa.bindparam("user_id")
)
_RANKED = _LISTS.where(ranked_list.c.list_id == sa.bindparam("list_id"))
_AHEAD = _LISTS.where(
    ranked_list.c.ahead,
    ranked_list.c.sequence == sa.bindparam("sequence"),
    ranked_list.c.preferences_version == sa.bindparam("preferences_version"),
    ranked_list.c.model_version == sa.bindparam("model_version"),
)
_ARRAYS = ("movie_ids", "scores", "probabilities")
_KEEP_LIST = sa.insert(ranked_list).values(
    {
        name: sa.cast(sa.bindparam(name, type_=sa.Text), ranked_list.c[name].type)
        if name in _ARRAYS
        else sa.bindparam(name)
        for name in RankedList._fields
    }
)
_APPEND_PAGE = sa.insert(served_page).values(
    {name: sa.bindparam(name) for name in ("page_id", "user_id", "page")}
)


def keep_list(connection: Connection, whole: RankedList) -> None:
    """Keep a list for its further pages."""
    # An array as text costs the driver, and PostgreSQL, a fraction of what an array does.
    arrays = {name: _array(getattr(whole, name)) for name in _ARRAYS}
    connection.execute(_KEEP_LIST, {**whole._asdict(), **arrays})


def _array(values: Sequence[float]) -> str:
    return f"{{{','.join(map(str, values))}}}"


def find_list(connection: Connection, user_id: UUID, list_id: UUID) -> RankedList | None:
    """A person's list, while it is kept."""
    row = connection.execute(_RANKED, {"list_id": list_id, "user_id": user_id}).first()
    return RankedList(*row) if row is not None else None


def find_ahead(connection: Connection, user_id: UUID, **made_of: Any) -> RankedList | None:
    """The list made ahead for a person, if it was made of just this: sequence, preferences_version
    and model_version."""
    row = connection.execute(_AHEAD, {"user_id": user_id, **made_of}).first()
    return RankedList(*row) if row is not None else None


def keep_ahead(connection: Connection, made: Sequence[RankedList]) -> None:
    """Keep lists made ahead; those before stay for whoever is paging through them."""
    if not made:
        return
    # Two jobs that make lists of the same people take turns.
    connection.execute(sa.text("select pg_advisory_xact_lock(hashtext('ranked_list ahead'))"))
    people = [whole.user_id for whole in made]
    connection.execute(
        sa.update(ranked_list)
        .where(ranked_list.c.user_id.in_(people), ranked_list.c.ahead)
        .values(ahead=False, updated_at=sa.func.now())
    )
    connection.execute(sa.insert(ranked_list), [whole._asdict() for whole in made])


def active_people(connection: Connection, since: datetime) -> list[UUID]:
    """Who did something, or was shown something, since then; ascending."""
    did = sa.select(taste.c.user_id).where(taste.c.updated_at >= since)
    shown = sa.select(recommendation.c.user_id).where(recommendation.c.created_at >= since)
    return list(connection.execute(did.union(shown).order_by("user_id")).scalars())


def append_page(connection: Connection, page_id: UUID, user_id: UUID, page: dict[str, Any]) -> None:
    """What is about to be answered; the commit of this is what makes the history durable."""
    connection.execute(_APPEND_PAGE, {"page_id": page_id, "user_id": user_id, "page": page})


def take_pages(
    connection: Connection,
    limit: int,
    *,
    user_id: UUID | None = None,
    offering: UUID | None = None,
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Take out the oldest pages (page) that nobody else is taking, and when they were put in
    (created_at): all people's, or one's, or of these what offers a recommendation."""
    oldest = (
        sa.select(served_page.c.page_id)
        .order_by(served_page.c.page_id)
        .limit(limit)
        .with_for_update(skip_locked=user_id is None)
    )
    if user_id is not None:
        oldest = oldest.where(served_page.c.user_id == user_id)
    if offering is not None:
        told = {"offers": [{"recommendation_id": str(offering)}]}
        oldest = oldest.where(served_page.c.page.contains(told))
    taken = connection.execute(
        sa.delete(served_page)
        .where(served_page.c.page_id.in_(oldest))
        .returning(served_page.c.page_id, served_page.c.page, served_page.c.created_at)
    ).all()
    return sorted(taken, key=lambda row: row.page_id)


def add_history(connection: Connection, pages: Sequence[Page], reasons: Sequence[Any]) -> None:
    """Write pages into the history; reasons are those of all offers, in order, as JSON. What is
    there already stays as it is."""
    shown = [(page, offer) for page in pages for offer in page.offers]
    if shown:
        values = {
            "recommendation_ids": [str(offer.recommendation_id) for _, offer in shown],
            "created_at": [page.served_at for page, _ in shown],
            "user_ids": [str(page.user_id) for page, _ in shown],
            "list_ids": [str(page.list_id) for page, _ in shown],
            "movie_ids": [offer.movie_id for _, offer in shown],
            "types": [offer.recommendation_type for _, offer in shown],
            "scores": [offer.score for _, offer in shown],
            "positions": [offer.position for _, offer in shown],
            "model_versions": [page.model_version for page, _ in shown],
            "reasons": [json.dumps(reason) for reason in reasons],
            "probabilities": [offer.probability for _, offer in shown],
        }
        connection.execute(_ADD_HISTORY, values)


_ADD_HISTORY = sa.text(
    """
    insert into recommendation
        (recommendation_id, created_at, user_id, list_id, movie_id, recommendation_type, score,
         position, model_version, reason, probability)
    select a, b, c, d, e, f, g, h, i, cast(reason as jsonb), probability
    from rows from (
        unnest(cast(:recommendation_ids as uuid[])), unnest(cast(:created_at as timestamptz[])),
        unnest(cast(:user_ids as uuid[])), unnest(cast(:list_ids as uuid[])),
        unnest(cast(:movie_ids as bigint[])), unnest(cast(:types as text[])),
        unnest(cast(:scores as float8[])), unnest(cast(:positions as integer[])),
        unnest(cast(:model_versions as text[])), unnest(cast(:reasons as text[])),
        unnest(cast(:probabilities as float8[]))
    ) as told (a, b, c, d, e, f, g, h, i, reason, probability)
    on conflict do nothing
    """
)


def click(
    connection: Connection, user_id: UUID, recommendation_id: UUID, at: datetime
) -> Row[Any] | None:
    """Mark a recommendation as clicked; None when it was already, or is not there."""
    return connection.execute(
        sa.update(recommendation)
        .where(*_one(user_id, recommendation_id, at), recommendation.c.clicked_at.is_(None))
        .values(clicked_at=at, updated_at=sa.func.now())
        .returning(*recommendation.c)
    ).first()


def has_recommendation(
    connection: Connection, user_id: UUID, recommendation_id: UUID, at: datetime
) -> bool:
    """Whether this was recommended to this person until now."""
    found = sa.select(sa.true()).where(*_one(user_id, recommendation_id, at))
    return connection.execute(found).scalar() is not None


def _one(user_id: UUID, recommendation_id: UUID, at: datetime) -> list[sa.ColumnElement[bool]]:
    """The id tells when it was minted, and so the oldest partition it may be in: in a later one if
    the page came late, in any if it was minted by a clock ahead of ours."""
    since = minted_at(recommendation_id) - CLOCKS_DIFFER_BY
    one = [
        recommendation.c.recommendation_id == recommendation_id,
        recommendation.c.user_id == user_id,
    ]
    return one if since > at else [*one, recommendation.c.created_at >= since]


def history(
    connection: Connection,
    user_id: UUID,
    *,
    before: UUID | None,
    clicked_only: bool,
    limit: int,
) -> Sequence[Row[Any]]:
    """What was recommended to a person, newest first, before (older than) an id."""
    statement = (
        sa.select(recommendation)
        .where(recommendation.c.user_id == user_id)
        .order_by(recommendation.c.recommendation_id.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(recommendation.c.recommendation_id < before)
    if clicked_only:
        statement = statement.where(recommendation.c.clicked_at.is_not(None))
    return connection.execute(statement).all()


def forget_lists(connection: Connection, before: datetime) -> int:
    """Drop whole lists generated before."""
    done = connection.execute(sa.delete(ranked_list).where(ranked_list.c.generated_at < before))
    return done.rowcount


def make_partition(connection: Connection, start: date, end: date) -> None:
    """The history's partition of one month, unless it is there."""
    connection.execute(
        sa.text(
            f"create table if not exists recommendation_{start:%Y_%m} "
            f"partition of recommendation for values from ('{start}') to ('{end}')"
        )
    )


def drop_partitions(connection: Connection, before: date) -> list[str]:
    """Drop the history's months before; their names."""
    names = connection.execute(
        sa.text(
            "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid "
            "where i.inhparent = 'recommendation'::regclass and c.relname < :oldest "
            "order by c.relname"
        ),
        {"oldest": f"recommendation_{before:%Y_%m}"},
    ).scalars()
    old = list(names)
    for name in old:
        connection.execute(sa.text(f'drop table "{name}"'))
    return old
