"""The one strict reader of request bodies: what JSON leaves open is refused here."""

import json
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import Request, Response
from fastapi.routing import APIRoute

from gateway.problems import ProblemError, invalid

_DEEPEST = 64
_LARGEST_INTEGER = 2**63 - 1
_SMALLEST_INTEGER = -(2**63)
_INEXACT = 2**53


def strict_json(raw: bytes) -> Any:
    """The value in `raw`, or a problem.

    Refused with 400: what is no JSON or no UTF-8. Refused with 422: NaN and infinities, NUL and
    lone surrogates in strings, integers beyond 64 bits, a name given twice, more than 64 levels.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProblemError(400, "MALFORMED_JSON", "The body is not UTF-8.") from error
    try:
        value = json.loads(
            text,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_bounded,
            object_pairs_hook=_once_each,
        )
    except json.JSONDecodeError as error:
        detail = f"The body is not valid JSON: {error.msg} at character {error.pos}."
        raise ProblemError(400, "MALFORMED_JSON", detail) from error
    except RecursionError as error:
        raise _too_deep() from error
    _inspect(value, 1, "")
    return value


def _inspect(value: Any, depth: int, pointer: str) -> None:
    if isinstance(value, str):
        _proper(value, pointer)
    elif isinstance(value, dict | list):
        if depth > _DEEPEST:
            raise _too_deep()
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for name, inner in pairs:
            _proper(str(name), pointer)
            _inspect(inner, depth + 1, f"{pointer}/{name}")


def _proper(text: str, pointer: str) -> None:
    if "\x00" in text:
        raise invalid(pointer, "must not hold a NUL character")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise invalid(pointer, "must not hold a lone surrogate")


def _no_constant(name: str) -> NoReturn:
    raise invalid("", f"{name} is not a number JSON knows")


def _finite(text: str) -> float | int:
    """A number written with a point or an exponent: an integer where it is one (RFC 8259 knows no
    difference, nor does JSON Schema) that every reader holds exactly."""
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise invalid("", f"{text[:40]} is too large a number")
    return int(value) if abs(value) < _INEXACT and value.is_integer() else value


def _bounded(text: str) -> int:
    if len(text) > 20 or not _SMALLEST_INTEGER <= int(text) <= _LARGEST_INTEGER:
        raise invalid("", f"{text[:40]} is too large an integer")
    return int(text)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise invalid("", "a name stands twice in one object")
    return found


def _too_deep() -> ProblemError:
    return invalid("", f"is nested more than {_DEEPEST} levels deep")


def _no_query(request: Request) -> None:
    for name in request.query_params:
        raise invalid(f"/{name}", "Extra inputs are not permitted", where="query")


class StrictRequest(Request):
    """A request whose JSON is read strictly."""

    async def json(self) -> Any:
        return strict_json(await self.body())


class StrictRoute(APIRoute):
    """A route that reads its body strictly, and knows the query parameters it is sent.

    Where some are named a model does the latter; where none are, any is refused here.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        takes_query = bool(self.dependant.query_params)

        async def strictly(request: Request) -> Response:
            if not takes_query:
                _no_query(request)
            return await handle(StrictRequest(request.scope, request.receive))

        return strictly
