"""Every operation of the OpenAPI document, fuzzed: no 5xx, nothing the document does not say."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_suite import Person, Suite

pytestmark = pytest.mark.e2e

HERE = Path(__file__).parent
ADMIN_SECONDS = int(os.environ.get("FUZZ_SECONDS", "25"))
STRANGER_SECONDS = max(ADMIN_SECONDS * 3 // 5, 1)


@pytest.fixture
def admin(suite: Suite) -> Iterator[Person]:
    """Somebody new with access to everything, whose guesses at passwords cost nobody else."""
    person = suite.person()
    with suite.admin() as promoting:
        user_id = person.tokens["user"]["user_id"]
        reply = promoting.patch(f"/admin/users/{user_id}", json={"role": "admin"})
        assert reply.status_code == 200, reply.text
    yield person
    suite.command("reset-limits")


def signed_in(suite: Suite, person: Person) -> str:
    """An access token of one more session."""
    form = {"grant_type": "password", "username": person.username, "password": person.password}
    with suite.client() as stranger:
        return stranger.post("/auth/token", data=form).json()["access_token"]


def fuzz(suite: Suite, folder: Path, seconds: int, *arguments: str, **names: str) -> None:
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        f"--config-file={HERE / 'schemathesis.toml'}",
        "run",
        f"{suite.url}/api/openapi.json",
        f"--max-time={seconds}",
        f"--report-dir={folder}",
        "--no-color",
        *arguments,
    ]
    environment = {**os.environ, **names, "SCHEMATHESIS_HOOKS": str(HERE / "fuzzing.py")}
    done = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds * 10,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    if "FUZZ_SECONDS" in os.environ:
        print(done.stdout[-1500:])


def test_an_admin_finds_no_violation(suite: Suite, admin: Person, tmp_path: Path) -> None:
    signed_in(suite, admin)
    token, other = signed_in(suite, admin), suite.person()
    with suite.client(token) as client:
        sessions = client.get("/me/sessions").json()["items"]
    ended = next(one["session_id"] for one in sessions if not one["current"])
    fuzz(
        suite,
        tmp_path,
        ADMIN_SECONDS,
        f"--header=Authorization: Bearer {token}",
        FUZZED_SESSION_ID=ended,
        FUZZED_USER_ID=other.tokens["user"]["user_id"],
    )
    with suite.client(token) as client:
        assert client.get("/me").status_code == 200, (
            "it was fuzzed as a stranger from some point on"
        )


def test_a_stranger_finds_no_violation(suite: Suite, tmp_path: Path) -> None:
    nobody = "00000000-0000-7000-8000-000000000000"
    fuzz(suite, tmp_path, STRANGER_SECONDS, FUZZED_SESSION_ID=nobody, FUZZED_USER_ID=nobody)
    suite.command("reset-limits")
