"""`bench`: the performance goals, measured; each figure beside its goal."""

from launcher.bench.command import main

__all__ = ["main"]
