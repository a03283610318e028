"""Hooks of schemathesis: the document's own formats, and rules that no schema can state."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import schemathesis
from hypothesis import strategies as st

LONGEST_AGO = timedelta(days=20)
COUNTRIES = ("", "AT", "BR", "DE", "JP", "US", "ZA")
LANGUAGES = ("en", "de", "pt-BR", "zh-TW")

_ascii = st.characters(categories=("Ll", "Lu", "Nd"), max_codepoint=0x7F)
_any = st.characters(exclude_categories=("Cs",), exclude_characters="\0")
_seconds = st.integers(1, int(LONGEST_AGO.total_seconds()))
_recent = _seconds.map(lambda ago: (datetime.now(UTC) - timedelta(seconds=ago)).isoformat())

schemathesis.openapi.format("page-token", st.just(""))
schemathesis.openapi.format("username", st.text(_ascii, min_size=3, max_size=30))
schemathesis.openapi.format("new-password", st.text(_any, min_size=12, max_size=128))
schemathesis.openapi.format("country", st.sampled_from(COUNTRIES))
schemathesis.openapi.format("language", st.sampled_from(LANGUAGES))
schemathesis.openapi.format("date-time", _recent)


@schemathesis.hook
def before_call(_context: Any, case: schemathesis.Case, _kwargs: dict[str, Any]) -> None:
    """What is meant to be accepted keeps the rules that the document tells in words."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = str(uuid4())
    if {"from", "to"} <= case.query.keys():
        case.query["from"], case.query["to"] = sorted((case.query["from"], case.query["to"]))
    if case.query.get("from") == case.query.get("to"):
        case.query.pop("to", None)
