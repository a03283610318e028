"""Writes .env from .env.example: every secret that is empty there gets a fresh one.

`python3 deploy/docker/make_env.py` needs the standard library alone, and never overwrites: the
secrets in .env are those of the databases that were made with them.
"""

import os
import re
import secrets
import sys
from pathlib import Path

EMPTY = re.compile(r"^([A-Z_]+)=$", re.MULTILINE)
BYTES = 32


def filled(example: str) -> str:
    """The text with a secret of its own behind every variable that has no value."""
    # Hexadecimal: they stand in URLs as they are.
    return EMPTY.sub(lambda line: f"{line[1]}={secrets.token_hex(BYTES)}", example)


def main(checkout: Path) -> int:
    """Write the file, readable by its owner alone."""
    target = checkout / ".env"
    text = filled((checkout / ".env.example").read_text())
    try:
        written = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        sys.stderr.write(f"{target} is there already and is left as it is\n")
        return 1
    with os.fdopen(written, "w") as file:
        file.write(text)
    sys.stdout.write(f"wrote {target}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parents[2]))
