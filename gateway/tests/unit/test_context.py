"""What is remembered for all requests, and what is not."""

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from fastapi import Request

from gateway.auth import Person
from gateway.context import Context
from marquee.catalog.v1 import catalog_pb2
from marquee.users.v1 import users_pb2


async def test_names_asked_for_before_they_changed_are_not_kept() -> None:
    names = ["Drama", "Drame"]

    async def answer(_request: Any) -> Any:
        name = names.pop(0)
        if names:
            here.genres.clear()
        return catalog_pb2.ListGenresResponse(genres=[catalog_pb2.Genre(genre_id=18, name=name)])

    here = context(catalog=SimpleNamespace(ListGenres=answer))
    assert await here.genre_names("fr") == {18: "Drama"}
    assert await here.genre_names("fr") == {18: "Drame"}
    assert await here.genre_names("fr") == {18: "Drame"}
    assert names == []


async def test_a_language_asked_for_before_it_changed_is_not_kept() -> None:
    languages = ["en", "fr"]

    async def answer(_request: Any, **_options: Any) -> Any:
        language = languages.pop(0)
        if languages:
            here.forget_language(str(person.user_id))
        preferences = users_pb2.Preferences(preferred_language=language)
        return users_pb2.GetPreferencesResponse(preferences=preferences)

    person = Person(uuid4(), uuid4(), "user", "token")
    request = Request({"type": "http", "headers": []})
    here = context(users=SimpleNamespace(GetPreferences=answer))
    asked = [await here.language(request, person) for _ in range(3)]
    assert asked == ["en", "fr", "fr"]


def context(**services: Any) -> Context:
    """A context of nothing but services."""
    unused: Any = None
    stubs: Any = SimpleNamespace(**services)
    return Context(unused, stubs, *[unused] * 10)
