"""The OpenAPI document is committed, whole and as the code says."""

import json
from pathlib import Path
from typing import Any

from gateway import documents
from gateway.app import described

COMMITTED = Path(__file__).parents[2] / "openapi.json"


def _operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, verb, operation)
        for path, operations in document["paths"].items()
        for verb, operation in operations.items()
    ]


def test_the_committed_document_is_what_the_code_says() -> None:
    now = documents.openapi(described())
    assert json.loads(COMMITTED.read_text()) == json.loads(json.dumps(now)), (
        "run: ./marquee python -m gateway openapi > gateway/openapi.json"
    )


def test_every_operation_says_what_it_does_and_how_it_refuses() -> None:
    document = documents.openapi(described())
    names = [operation["operationId"] for _path, _verb, operation in _operations(document)]
    assert len(names) == len(set(names))
    for path, verb, operation in _operations(document):
        assert operation["summary"], (verb, path)
        if path.startswith("/api/v1"):
            refusals = {status for status in operation["responses"] if status >= "400"}
            assert {"422", "503", "504"} <= refusals, (verb, path)


def test_every_refusal_is_a_problem_document() -> None:
    for _path, _verb, operation in _operations(documents.openapi(described())):
        for status, response in operation["responses"].items():
            if status >= "400":
                assert set(response["content"]) == {"application/problem+json"}


def test_every_personal_operation_names_its_token() -> None:
    for path, verb, operation in _operations(documents.openapi(described())):
        if path.startswith(("/api/v1/me", "/api/v1/admin")):
            assert operation["security"], (verb, path)
            assert "401" in operation["responses"]
