"""The strict JSON reader."""

import contextlib
import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.app import described
from gateway.problems import ProblemError
from gateway.reading import StrictRoute, strict_json

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=20,
)


@given(PLAIN)
def test_plain_json_is_read_as_it_is(value: object) -> None:
    assert strict_json(json.dumps(value).encode()) == value


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with contextlib.suppress(ProblemError):
        strict_json(raw)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"NaN", 422),
        (b"-Infinity", 422),
        (b"1e999", 422),
        (b"9223372036854775808", 422),
        (b"9" * 10_000, 422),
        (b'"\\u0000"', 422),
        (b'"\\ud800"', 422),
        (b'{"\\ud800": 1}', 422),
        (b'{"a": 1, "a": 2}', 422),
        (b"[" * 65 + b"]" * 65, 422),
        (b"[" * 100_000 + b"]" * 100_000, 422),
    ],
)
def test_what_json_leaves_open_is_refused(raw: bytes, status: int) -> None:
    with pytest.raises(ProblemError) as refused:
        strict_json(raw)
    assert refused.value.status_code == status


def test_sixty_four_levels_are_read() -> None:
    assert strict_json(b"[" * 64 + b"]" * 64)


@pytest.mark.parametrize(
    ("raw", "value"),
    [(b"344.0", 344), (b"1e3", 1000), (b"-0.0", 0), (b"0.5", 0.5), (b"1e300", 1e300)],
)
def test_an_integer_is_one_however_it_is_written(raw: bytes, value: float) -> None:
    found = strict_json(raw)
    assert (found, type(found)) == (value, type(value))


def test_every_operation_refuses_query_parameters_it_does_not_name() -> None:
    routes = [route for route in described().routes if isinstance(route, StrictRoute)]
    assert len(routes) > 80
    for route in routes:
        models: list[Any] = [field.field_info.annotation for field in route.dependant.query_params]
        assert all(model.model_config["extra"] == "forbid" for model in models), route.path


async def test_where_no_query_parameters_are_named_none_is_taken() -> None:
    transport = httpx.ASGITransport(app=described())
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        reply = await client.post("/api/v1/me/lists?zzz=1", json={"name": "x"})
    (error,) = reply.json()["errors"]
    assert (reply.status_code, error["pointer"], error["in"]) == (422, "/zzz", "query")
