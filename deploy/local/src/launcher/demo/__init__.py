"""`./marquee demo`: people and ratings, invented or of MovieLens, by the services' RPCs."""

from launcher.demo.command import main

__all__ = ["main"]
