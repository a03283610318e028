"""What only the first start of a state does: two people, and the first sync of the catalogue."""

import asyncio
import secrets

from launcher import chores
from launcher.state import State
from launcher.suite import Suite
from launcher.units import python

ACCOUNTS = {"admin": "admin", "demo": "user"}
SYNC_NOTE = "first_sync"


async def prepare(suite: Suite, state: State) -> None:
    """Make the accounts and start the sync, whichever an earlier run has not done."""
    await asyncio.gather(_ensure_accounts(suite, state), _start_sync(suite, state))


async def _ensure_accounts(suite: Suite, state: State) -> None:
    if state.credentials_path.exists():
        return
    credentials = {
        name: {"username": name, "password": secrets.token_urlsafe(12)} for name in ACCOUNTS
    }
    for name, role in ACCOUNTS.items():
        await _ensure_account(suite, credentials[name], role)
    # Written last: whoever finds the file can sign in with what is in it.
    state.write_json(state.credentials_path.name, credentials)


async def _ensure_account(suite: Suite, account: dict[str, str], role: str) -> None:
    username = account["username"]
    command = ["ensure-user", "--username", username, "--role", role]
    await chores.run(
        f"making the account {username}",
        python("-m", "users", *command, "--email", f"{username}@marquee.example"),
        {**suite.environment("users"), "USER_PASSWORD": account["password"]},
    )


async def _start_sync(suite: Suite, state: State) -> None:
    if state.note(SYNC_NOTE):
        return
    await chores.run(
        "starting the first sync of the catalogue",
        python("-m", "catalog", "sync", "all", "--background"),
        suite.environment("catalog"),
    )
    state.write_note(SYNC_NOTE, "started")
