"""Every operation of the OpenAPI document, fuzzed: no 5xx, nothing the document does not say."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_suite import Suite

pytestmark = pytest.mark.e2e

SEED = 1895
# A schema cannot say which page tokens, names and movies there are: what it lets through may still
# be refused with 422, which is documented everywhere.
CHECK_LEFT_OUT = "positive_data_acceptance"
# They would end the session that all others are called in, or lock the suite's admin out. And a
# live stream never ends by itself: waiting for it would leave no time for the rest.
LEFT_OUT = (
    "delete_me",
    "revoke_token",
    "revoke_session",
    "update_user_access",
    "follow_stream",
)


@pytest.fixture
def admin_token(suite: Suite) -> Iterator[str]:
    """Somebody new with access to everything, whose guesses at passwords cost nobody else."""
    person = suite.person()
    with suite.admin() as admin:
        user_id = person.tokens["user"]["user_id"]
        reply = admin.patch(f"/admin/users/{user_id}", json={"role": "admin"})
        assert reply.status_code == 200, reply.text
    form = {"grant_type": "password", "username": person.username, "password": person.password}
    with suite.client() as stranger:
        yield stranger.post("/auth/token", data=form).json()["access_token"]
    suite.command("reset-limits")


def fuzz(suite: Suite, folder: Path, seconds: int, *arguments: str) -> None:
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"{suite.url}/api/openapi.json",
        f"--max-time={seconds}",
        f"--seed={SEED}",
        f"--exclude-checks={CHECK_LEFT_OUT}",
        f"--report-dir={folder}",
        "--no-color",
        "--warnings=off",
        "--continue-on-failure",
        *arguments,
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds * 10, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


def test_an_admin_finds_no_violation(suite: Suite, admin_token: str, tmp_path: Path) -> None:
    left_out = [f"--exclude-operation-id={name}" for name in LEFT_OUT]
    fuzz(suite, tmp_path, 25, f"--header=Authorization: Bearer {admin_token}", *left_out)


def test_a_stranger_finds_no_violation(suite: Suite, tmp_path: Path) -> None:
    fuzz(suite, tmp_path, 15)
    suite.command("reset-limits")
