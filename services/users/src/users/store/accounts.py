"""Rows of accounts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from users.domain.accounts import Account, fold
from users.tables import user

_COLUMNS = (
    user.c.user_id,
    user.c.username,
    user.c.email,
    user.c.role,
    user.c.status,
    user.c.password_hash,
    user.c.version,
    user.c.created_at,
    user.c.updated_at,
)
_BY_ID = sa.select(*_COLUMNS).where(user.c.user_id == sa.bindparam("user_id"))
_BY_LOGIN = sa.select(*_COLUMNS).where(
    sa.or_(
        user.c.username_key == sa.bindparam("login"),
        user.c.email_key == sa.bindparam("login"),
    )
)
_LIKE_SIGNS = str.maketrans({"%": r"\%", "_": r"\_", "\\": r"\\"})


@dataclass(frozen=True)
class AccountFilter:
    """Which accounts an admin looks for; empty text leaves a part open."""

    query: str
    role: str
    status: str


def account(connection: Connection, user_id: UUID) -> Account | None:
    """The account of this id."""
    return _account(connection.execute(_BY_ID, {"user_id": user_id}).one_or_none())


def locked_account(connection: Connection, user_id: UUID) -> Account | None:
    """The same, kept from changing until the transaction ends."""
    statement = _BY_ID.with_for_update()
    return _account(connection.execute(statement, {"user_id": user_id}).one_or_none())


def account_by_login(connection: Connection, login: str) -> Account | None:
    """The account whose username or address it is; '@' is in all of these and none of those."""
    return _account(connection.execute(_BY_LOGIN, {"login": fold(login)}).one_or_none())


def taken(connection: Connection, username: str, email: str) -> tuple[bool, bool]:
    """Is the username taken, is the address, by whomever."""
    row = connection.execute(
        sa.select(
            sa.exists().where(user.c.username_key == fold(username)),
            sa.exists().where(user.c.email_key == fold(email)),
        )
    ).one()
    return row[0], row[1]


def insert_accounts(connection: Connection, accounts: Sequence[Account]) -> set[UUID]:
    """Store those whose username and address are free, and tell which these were."""
    statement = (
        insert(user)
        .values([_values(account) for account in accounts])
        .on_conflict_do_nothing()
        .returning(user.c.user_id)
    )
    return set(connection.execute(statement).scalars())


def user_ids_by_username(connection: Connection, usernames: Collection[str]) -> dict[str, UUID]:
    """Folded username to id, of those that exist."""
    keys = [fold(username) for username in usernames]
    statement = sa.select(user.c.username_key, user.c.user_id).where(user.c.username_key.in_(keys))
    return dict(map(tuple, connection.execute(statement)))


def update_account(
    connection: Connection, user_id: UUID, changes: Mapping[str, Any], at: datetime
) -> Account:
    """Change these columns; the version grows. A taken name or address breaks its constraint."""
    values = dict(changes)
    for name in ("username", "email"):
        if name in values:
            values[f"{name}_key"] = fold(values[name])
    statement = (
        sa.update(user)
        .where(user.c.user_id == user_id)
        .values(**values, version=user.c.version + 1, updated_at=at)
        .returning(*_COLUMNS)
    )
    return _made(connection.execute(statement).one())


def replace_hash(connection: Connection, user_id: UUID, old_hash: str, new_hash: str) -> None:
    """The same password hashed by today's parameters; nothing the person could notice."""
    connection.execute(
        sa.update(user)
        .where(user.c.user_id == user_id, user.c.password_hash == old_hash)
        .values(password_hash=new_hash)
    )


def has_other_admin(connection: Connection, user_id: UUID) -> bool:
    """Is there an active admin beside this one; all admins are locked, for two may ask at once.

    The account itself is, too: all that are locked together are so in one order.
    """
    statement = (
        sa.select(user.c.user_id, user.c.role, user.c.status)
        .where(sa.or_(user.c.role == "admin", user.c.user_id == user_id))
        .order_by(user.c.user_id)
        .with_for_update()
    )
    rows = connection.execute(statement).all()
    return any(
        row.user_id != user_id and (row.role, row.status) == ("admin", "active") for row in rows
    )


def accounts_after(
    connection: Connection, wanted: AccountFilter, *, after: UUID | None, limit: int
) -> list[Account]:
    """Accounts an admin looks for, newest first."""
    statement = sa.select(*_COLUMNS).order_by(user.c.user_id.desc()).limit(limit)
    if wanted.query:
        pattern = f"%{fold(wanted.query).translate(_LIKE_SIGNS)}%"
        statement = statement.where(
            sa.or_(user.c.username_key.like(pattern), user.c.email_key.like(pattern))
        )
    if wanted.role:
        statement = statement.where(user.c.role == wanted.role)
    if wanted.status:
        statement = statement.where(user.c.status == wanted.status)
    if after is not None:
        statement = statement.where(user.c.user_id < after)
    return [_made(row) for row in connection.execute(statement)]


def _values(account: Account) -> dict[str, Any]:
    return {
        "user_id": account.user_id,
        "username": account.username,
        "username_key": fold(account.username),
        "email": account.email,
        "email_key": fold(account.email),
        "password_hash": account.password_hash,
        "role": account.role,
        "status": account.status,
        "version": account.version,
        "created_at": account.created_at,
        "updated_at": account.updated_at,
    }


def _account(row: Sequence[Any] | None) -> Account | None:
    return None if row is None else _made(row)


def _made(row: Sequence[Any]) -> Account:
    return Account(*row)
