"""What only the first start of a state does: two people, and the first sync of the catalogue."""

import asyncio

from launcher.chores import Chores
from launcher.state import State
from launcher.suite import Suite

ACCOUNTS = {"admin": "admin", "demo": "user"}
SYNC_NOTE = "first_sync"


async def prepare(suite: Suite, state: State, chores: Chores) -> None:
    """Make the accounts and start the sync, whichever an earlier run has not done."""
    await asyncio.gather(_ensure_accounts(suite, state, chores), _start_sync(suite, state, chores))


async def _ensure_accounts(suite: Suite, state: State, chores: Chores) -> None:
    if state.credentials_path.exists():
        return
    # Kept before the account is made: a start that is cut short must not leave one whose password
    # nobody knows.
    credentials = {
        name: {"username": name, "password": state.secret(f"password_{name}", size=12)}
        for name in ACCOUNTS
    }
    for name, role in ACCOUNTS.items():
        await _ensure_account(suite, chores, credentials[name], role)
    # Written last: whoever finds the file can sign in with what is in it.
    state.write_json(state.credentials_path.name, credentials)


async def _ensure_account(suite: Suite, chores: Chores, account: dict[str, str], role: str) -> None:
    username = account["username"]
    command = ["ensure-user", "--username", username, "--role", role]
    await chores.run(
        f"making the account {username}",
        *("users", *command, "--email", f"{username}@marquee.example"),
        environment={**suite.environment("users"), "USER_PASSWORD": account["password"]},
    )


async def _start_sync(suite: Suite, state: State, chores: Chores) -> None:
    if state.note(SYNC_NOTE):
        return
    await chores.run(
        "starting the first sync of the catalogue",
        *("catalog", "sync", "all", "--background"),
        environment=suite.environment("catalog"),
    )
    state.write_note(SYNC_NOTE, "started")
