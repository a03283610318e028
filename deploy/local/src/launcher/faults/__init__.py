"""`faults`: processes killed at random while people write, and proof that nothing was lost."""

from launcher.faults.command import main

__all__ = ["main"]
