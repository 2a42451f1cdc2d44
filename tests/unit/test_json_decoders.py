"""The fast JSON decoder and the fast dedupe key give what Python's `json` gives.

What is stored, and what a redelivery is recognised by, must not depend on which of them was used.
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platforms.json_body import decode_answer, decode_slowly
from platforms.tiktok.webhooks import SORTED_ENCODER, encode_identity

ODD_BODIES = [
    b'{"a": 1, "a": 2}',
    b'{"n": 18446744073709551616}',
    b'{"n": -123456789012345678901234567890}',
    b"[1.0, 1.5, 1e5, 1E400, -0.0, -0, 9007199254740993.0, 0.1e-400]",
    b"[NaN, Infinity, -Infinity]",
    b'["\\ud83d\\ude00", "\\u0000", "\\/"]',
    b'["\\ud83d"]',
    b'{"name": "caf\xe9"}',
    b'\xef\xbb\xbf{"a": 1}',
    '{"a": "\u00e4"}'.encode("utf-16"),
    b"[" + b"1" * 5000 + b"]",
    b" {} ",
    b'"\x7f"',
]
INVALID_BODIES = [
    b"",
    b"{",
    b"01",
    b"{}x",
    b'{"a": "\x01"}',
    b"<html>",
    b"{'a': 1}",
    b"[1,]",
    b"nul",
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda items: st.lists(items) | st.dictionaries(st.text(), items),
)


def describe(value):
    """The value with its types: 1, 1.0 and True are equal."""
    return json.dumps(value), repr(value)


@pytest.mark.parametrize("body", ODD_BODIES)
def test_an_odd_body_decodes_as_by_python(body):
    assert describe(decode_answer(body)) == describe(decode_slowly(body))


@pytest.mark.parametrize("body", INVALID_BODIES)
def test_an_invalid_body_is_refused_by_both(body):
    for decode in (decode_answer, decode_slowly):
        with pytest.raises(ValueError, match=r"."):
            decode(body)


@given(json_values, st.booleans())
def test_any_value_decodes_as_by_python(value, is_ascii):
    body = json.dumps(value, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    assert describe(decode_answer(body)) == describe(decode_slowly(body))


@given(st.binary(max_size=40))
def test_any_bytes_decode_as_by_python_or_not_at_all(body):
    try:
        expected = describe(decode_slowly(body))
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            decode_answer(body)
    else:
        assert describe(decode_answer(body)) == expected


@given(st.lists(json_values))
def test_the_identity_of_an_event_is_written_as_before(values):
    assert encode_identity(values) == SORTED_ENCODER.encode(values)
