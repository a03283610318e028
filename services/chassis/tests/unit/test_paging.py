"""Page tokens: opaque, signed, and of one list only."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Invalid
from chassis.paging import PageTokens, page_key, page_size

TOKENS = PageTokens(page_key("k" * 32))

values = st.lists(
    st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)


@given(st.text(), values)
def test_what_was_encoded_comes_back(scope, given_values):
    assert TOKENS.decode(scope, TOKENS.encode(scope, given_values)) == given_values


@given(st.text())
def test_a_made_up_token_is_invalid(token):
    with pytest.raises(Invalid) as caught:
        TOKENS.decode("movies", token)
    assert caught.value.errors[0]["pointer"] == "/page_token"


@given(st.data())
def test_a_token_with_any_bit_changed_is_invalid(data):
    token = TOKENS.encode("movies", [7.5, 42])
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    place = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[place // 8] ^= 1 << (place % 8)
    with pytest.raises(Invalid):
        TOKENS.decode("movies", base64.urlsafe_b64encode(raw).decode().rstrip("="))


def test_a_token_of_another_list_or_key_is_invalid():
    token = TOKENS.encode("movies?genre_id=18", [7.5, 42])
    with pytest.raises(Invalid):
        TOKENS.decode("movies?genre_id=35", token)
    with pytest.raises(Invalid):
        PageTokens(page_key("other" * 8)).decode("movies?genre_id=18", token)


def test_a_token_fits_into_a_url():
    assert TOKENS.encode("m", ["ü/+?"] * 5).replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(("requested", "given_size"), [(0, 20), (1, 1), (100, 100), (10**6, 100)])
def test_page_sizes_have_a_default_and_a_limit(requested, given_size):
    assert page_size(requested) == given_size


def test_a_negative_page_size_is_invalid():
    with pytest.raises(Invalid):
        page_size(-1)
