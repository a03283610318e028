"""Commands for operators: mint-token, ensure-user, rotate-keys."""

import argparse
import json
import os
import sys
from datetime import timedelta
from typing import Any

from sqlalchemy.engine import Connection

from chassis.errors import Refusal
from chassis.identity import AUDIENCE, ISSUER
from users.domain.accounts import Account, checked_role, checked_username
from users.domain.sessions import ACCESS_TOKEN_SECONDS
from users.domain.signing_keys import LEAD
from users.operations.accounts import Newcomer, refuse_retired, register, update_access
from users.rpc.accounts import cleaned_email
from users.settings import Settings
from users.store.accounts import account_by_login
from users.wiring import database_of, keyring_of, passwords_of, tombstones_of, utc_now

_USAGE_ERROR = 2


def mint_token(settings: Settings, arguments: list[str]) -> int:
    """Print a token that makes these claims, signed by the real key; null drops a default."""
    try:
        claims: Any = json.loads(arguments[0])
    except (IndexError, ValueError):
        claims = None
    if not isinstance(claims, dict):
        sys.stderr.write("usage: python -m users mint-token '<json object of claims>'\n")
        return _USAGE_ERROR
    now = utc_now()
    defaults = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(seconds=ACCESS_TOKEN_SECONDS)).timestamp()),
    }
    database = database_of(settings)
    with database.begin() as connection:
        signer = keyring_of(settings).signer(connection, now)
    database.dispose()
    said = {name: value for name, value in (defaults | claims).items() if value is not None}
    print(signer.sign(said))
    return 0


def ensure_user(settings: Settings, arguments: list[str]) -> int:
    """Make the account unless it exists; in any case give it the role."""
    parser = argparse.ArgumentParser(prog="python -m users ensure-user")
    parser.add_argument("--username", required=True)
    parser.add_argument("--email", required=True)
    parser.add_argument("--role", default="user", choices=("user", "admin"))
    wanted = parser.parse_args(arguments)
    database = database_of(settings)
    try:
        with database.begin() as connection:
            account = account_by_login(connection, wanted.username)
            if account is None:
                account = _registered(settings, connection, wanted)
            account, _ended = update_access(
                connection,
                account.user_id,
                role=checked_role(wanted.role),
                status="active",
                actor=None,
                at=utc_now(),
            )
    except Refusal as refusal:
        sys.stderr.write(f"{refusal.reason}: {refusal.detail}\n")
        return 1
    finally:
        database.dispose()
    print(account.user_id)
    return 0


def rotate_keys(settings: Settings, arguments: list[str]) -> int:
    """Publish the next signing key; it signs in ten minutes, or with --now at once."""
    parser = argparse.ArgumentParser(prog="python -m users rotate-keys")
    parser.add_argument("--now", action="store_true", help="sign with it from this moment on")
    at_once = parser.parse_args(arguments).now
    database, keyring, now = database_of(settings), keyring_of(settings), utc_now()
    with database.begin() as connection:
        key = keyring.add(connection, now if at_once else now + LEAD)
    database.dispose()
    print(f"{key.key_id} signs from {key.signs_from.isoformat()}")
    return 0


def _registered(settings: Settings, connection: Connection, wanted: argparse.Namespace) -> Account:
    password_hash = passwords_of(settings).hash(os.environ.get("USER_PASSWORD", ""))
    now = utc_now()
    newcomer = Newcomer(
        checked_username(wanted.username), cleaned_email(wanted.email), password_hash, now
    )
    tombstones = tombstones_of(settings)
    refuse_retired(connection, tombstones, [newcomer.username])
    return register(connection, tombstones, newcomer, now)
