"""./marquee <command>."""

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from launcher.settings import Failure, LocalSettings, Usage, read_settings

BAD_USAGE = 2
INTERRUPTED = 130
READER_GONE = 128 + signal.SIGPIPE

Command = Callable[[LocalSettings, list[str]], int]

# Name, the function `module:function` that is imported only when called, and what it does.
COMMANDS = (
    ("up", "commands:up", "run the whole suite; --detach returns when it is ready"),
    ("down", "commands:down", "stop it"),
    ("status", "commands:status", "every process with pid, port and health; --json"),
    ("logs", "commands:logs", "the last lines of a process's log, or of all; --follow"),
    ("reset", "commands:reset", "stop it and remove its databases and secrets; --yes"),
    ("demo", "demo:main", "load demo people and ratings; MOVIELENS=<folder> imports MovieLens"),
    ("test", "checks:test", "run the tests; arguments go to pytest"),
    ("check", "checks:check", "run linters, type checker, import rules and contract checks"),
    ("bench", "bench:main", "measure the performance goals"),
    ("evaluate", "commands:evaluate", "measure the recommender's models"),
    ("faults", "faults:main", "break things on purpose and check that nothing was lost"),
    ("reset-limits", "commands:reset_limits", "clear rate-limit counters"),
    ("mint-token", "commands:mint_token", "sign a token with the real key: '<json claims>'"),
    ("lock", "commands:lock", "resolve requirements.lock anew; --upgrade"),
    ("python", "commands:run_python", "Python inside the installed environment"),
)


def main(arguments: list[str]) -> int:
    """Run one command; its exit code."""
    if arguments in (["help"], ["-h"], ["--help"]):
        print(usage())
        return 0
    command = find(arguments[0]) if arguments else None
    if command is None:
        print(usage(), file=sys.stderr)
        return BAD_USAGE
    try:
        return command(read_settings(), arguments[1:])
    except Usage as wrong:
        print(f"usage: ./marquee {wrong}", file=sys.stderr)
        return BAD_USAGE
    except Failure as failure:
        print(f"marquee: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # `./marquee logs | head`: nobody reads any more, and Python must not complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE


def find(name: str) -> Command | None:
    """A command's function, imported now; importing all would slow each of them."""
    for known, place, _ in COMMANDS:
        module, _, function = place.partition(":")
        if known == name and find_spec(f"launcher.{module}") is not None:
            return getattr(import_module(f"launcher.{module}"), function)
    return None


def usage() -> str:
    """All commands that this release has."""
    rows = [
        f"  {name:<14} {meaning}"
        for name, place, meaning in COMMANDS
        if find_spec(f"launcher.{place.partition(':')[0]}") is not None
    ]
    return "\n".join(["usage: ./marquee <command>", "", *rows])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
