"""How tests ask the catalog, page by page, and look at what it refuses."""

from typing import Any

import grpc
import pytest

from chassis.rpc.statuses import refusal_from

FIRST, SIZE = 900_000_001, 150


def refusal(call, **values):
    with pytest.raises(grpc.RpcError) as caught:
        call(**values)
    error: Any = caught.value
    return refusal_from(error.code(), error.details(), error.trailing_metadata())


def all_pages(method, field, page_size=7, **values):
    """Everything page by page; no page is short but the last."""
    found, token = [], ""
    while True:
        reply = method(page_size=page_size, page_token=token, **values)
        page = list(getattr(reply, field))
        found += page
        token = reply.next_page_token
        if not token:
            return found
        assert len(page) == page_size


def ids(movies):
    return [movie.movie_id for movie in movies]
