"""`check` and `test`: what the house holds itself to."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chassis.embedded import death_guard
from launcher.children import python
from launcher.settings import LocalSettings, Usage

BIN = Path(sys.executable).parent
PARALLEL = ["-n", "2"]


@dataclass(frozen=True)
class Check:
    """A tool, and where it is run."""

    name: str
    command: list[str]
    folder: Path


def check(settings: LocalSettings, arguments: list[str]) -> int:
    """Run every check, say which failed."""
    if arguments:
        raise Usage("check")
    failed = [each.name for each in _checks(settings.checkout) if not _passes(each)]
    print(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


def test(settings: LocalSettings, arguments: list[str]) -> int:
    """Run pytest over everything, whole suites last; or with the given arguments."""
    os.chdir(settings.checkout)
    if arguments:
        return _pytest(*arguments)
    # Two suites at once are enough for two cores; what goes through them stays in order.
    runs = (["-m", "not e2e"], ["-m", "e2e", "-p", "no:randomly"])
    return max([_pytest(*PARALLEL, *run) for run in runs])


def _pytest(*arguments: str) -> int:
    """To its end or ours: then it is interrupted, and puts away what its tests have started."""
    guarded = [*death_guard(signal.SIGINT), *python("-m", "pytest", *arguments)]
    return subprocess.run(guarded, check=False).returncode


def _checks(root: Path) -> Iterator[Check]:
    proto = root / "proto"
    yield Check("ruff", [str(BIN / "ruff"), "check"], root)
    yield Check("ruff format", [str(BIN / "ruff"), "format", "--check"], root)
    yield Check("pyright", [str(BIN / "pyright"), f"--pythonpath={sys.executable}"], root)
    yield Check("import-linter", [str(BIN / "lint-imports"), "--no-cache"], root)
    yield Check("buf lint", [str(BIN / "buf"), "lint"], proto)
    yield Check("buf format", [str(BIN / "buf"), "format", "--diff", "--exit-code"], proto)
    landed = _landed_contract(root)
    if landed:
        against = f"{root / '.git'}#ref={landed},subdir=proto"
        yield Check("buf breaking", [str(BIN / "buf"), "breaking", "--against", against], proto)
    else:
        print("-- buf breaking: no earlier contract in the history to compare with")
    tests = ["-q", "-p", "no:cacheprovider", "tests/architecture"]
    yield Check("architecture", python("-m", "pytest", *tests), root)


def _passes(check: Check) -> bool:
    print(f"-- {check.name}", flush=True)
    started = time.monotonic()
    code = subprocess.run(check.command, cwd=check.folder, check=False).returncode
    print(f"   {'ok' if code == 0 else 'FAILED'} ({time.monotonic() - started:.1f} s)", flush=True)
    return code == 0


def _landed_contract(root: Path) -> str:
    """The commit before ours that has a contract: what landed last, else our first parent."""
    head = _git(root, "rev-parse", "HEAD")
    for name in ("origin/main", "HEAD~1"):
        commit = _git(root, "rev-parse", "--verify", f"{name}^{{commit}}")
        if commit and commit != head and _git(root, "ls-tree", commit, "proto/marquee"):
            return commit
    return ""


def _git(root: Path, *arguments: str) -> str:
    """What git says; nothing where there is no git, no history or no such name."""
    try:
        asked = ["git", "-C", str(root), *arguments]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
