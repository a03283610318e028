"""The part `requests`: what requests cost, in times of a bare hello, and how long events travel."""

from launcher.bench.requests.command import measure

__all__ = ["measure"]
