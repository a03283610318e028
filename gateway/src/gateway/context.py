"""What routes work with: services, caches and recorders, made once in app.py."""

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from fastapi import Request

from chassis.errors import Refusal
from gateway.activity import Client, Recorder
from gateway.auth import Person
from gateway.cache import Multiplexed, Recent
from gateway.clients import Services
from gateway.languages import accepted_language
from gateway.limits import Limits, Proxies, truncated
from gateway.live import Live
from gateway.movies import Configuration, Movies
from gateway.personal import Pages
from gateway.sequences import Sequences
from gateway.settings import Settings
from marquee.catalog.v1 import catalog_pb2
from marquee.users.v1 import users_pb2

_GENRE_LANGUAGES = 100
_GENRE_SECONDS = 300.0
_LANGUAGES_KEPT = 50_000
_LANGUAGE_SECONDS = 60.0


class Known(NamedTuple):
    """How far a person has come, as far as gateways remember, and the language of answers."""

    sequence: int | None
    preferences_version: int | None
    language: str


class Preferred(NamedTuple):
    """The language of a person's answers, and the version of the preferences that told it: 0 while
    nobody has told."""

    language: str
    version: int


@dataclass
class Context:
    """Everything a route needs; one a process, found by `of(request)`."""

    settings: Settings
    services: Services
    cache: Multiplexed
    streams: Multiplexed
    configuration: Configuration
    movies: Movies
    recorder: Recorder
    limits: Limits
    proxies: Proxies
    sequences: Sequences
    preferences: Sequences
    live: Live
    pages: Pages = field(default_factory=Pages)
    genres: Recent[str, dict[int, str]] = field(
        default_factory=lambda: Recent(_GENRE_LANGUAGES, _GENRE_SECONDS)
    )
    languages: Recent[UUID, Preferred] = field(
        default_factory=lambda: Recent(_LANGUAGES_KEPT, _LANGUAGE_SECONDS)
    )

    async def known(self, request: Request, person: Person) -> Known:
        """What is known of a person, asked once a request."""
        found: Known | None = getattr(request.state, "known", None)
        if found is None:
            sequence, version, preferred = await asyncio.gather(
                self.sequences.known(person.user_id),
                self.preferences.known(person.user_id),
                self._preferred(request, person),
            )
            # Users told it with the language, so nobody has to ask again.
            version = max(version or 0, preferred.version) or None
            found = Known(sequence, version, preferred.language)
            request.state.known = found
        return found

    async def language(self, request: Request, person: Person | None) -> str:
        """The language to answer in: the person's preference, else Accept-Language, else en."""
        if person is not None:
            return (await self._preferred(request, person)).language
        return _accepted(request)

    def client(self, request: Request) -> Client:
        """Where a request came from, as far as that is kept."""
        address = truncated(self.proxies.address_of(request))
        agent = request.headers.get("user-agent", "")[:300]
        return Client(address, "".join(one for one in agent if one.isprintable()))

    def audited(self, request: Request, person: Person | None) -> tuple[tuple[str, str], ...]:
        """What makes an RPC act on somebody's behalf, and tells the audit log from where."""
        own = () if person is None else person.metadata
        address = truncated(self.proxies.address_of(request))
        return (*own, ("x-client-address", address)) if address else own

    def saw_recommendations(
        self, request: Request, person: Person, *, kind: str, movies_count: int
    ) -> None:
        """Record that a person was shown a page, of the kind that was asked for."""
        self.recorder.saw(
            person.user_id,
            "view_recommendations",
            self.client(request),
            type=kind,
            movies_count=movies_count,
        )

    async def genre_names(self, language: str) -> dict[int, str]:
        """Names of genres by id; empty while the catalog is away."""
        known = self.genres.get(language)
        if known is not None:
            return known
        changes = self.genres.changes
        try:
            reply = await self.services.catalog.ListGenres(
                catalog_pb2.ListGenresRequest(language=language)
            )
        except Refusal:
            return {}
        names = {genre.genre_id: genre.name for genre in reply.genres}
        if names and self.genres.changes == changes:
            self.genres.put(language, names)
        return names

    def forget_language(self, user_id: str) -> None:
        """The person's preferences have changed."""
        self.languages.drop(UUID(user_id))

    async def _preferred(self, request: Request, person: Person) -> Preferred:
        known = self.languages.get(person.user_id)
        if known is not None:
            return known
        changes = self.languages.changes
        try:
            reply = await self.services.users.GetPreferences(
                users_pb2.GetPreferencesRequest(), timeout=0.3, metadata=person.metadata
            )
        except Refusal:
            return Preferred(_accepted(request), 0)
        language = reply.preferences.preferred_language or _accepted(request)
        preferred = Preferred(language, reply.preferences.version)
        if self.languages.changes == changes:
            self.languages.put(person.user_id, preferred)
        return preferred


def of(request: Request) -> Context:
    """The context of the process that answers `request`."""
    return request.app.state.context


def _accepted(request: Request) -> str:
    return accepted_language(request.headers.get("accept-language", ""))
