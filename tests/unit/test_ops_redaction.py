"""Marks: a look that is not taken must have nothing to find."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.observability.redact import MASK, PATTERNS_BY_MARK, SECRET_PATTERNS, Redactor
from platforms.secret import Secret


@pytest.mark.parametrize("marks", SECRET_PATTERNS, ids="".join)
@given(data=st.data())
def test_whatever_a_look_finds_has_one_of_its_marks(marks, data):
    [look, *_] = [look for mark, look in PATTERNS_BY_MARK if mark in marks]
    found = look.search(data.draw(st.from_regex(look)))
    assert any(mark in found.string for mark in marks)


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("amqp://guest:pass@host//", f"amqp://{MASK}@host//"),
        ("GET /cb?code=1&state=2 HTTP/1.1", f"GET /cb?{MASK} HTTP/1.1"),
        ("Bearer abcdef0123 sent", f"Bearer {MASK} sent"),
        ("sp_abcd_01234567.someone@example.org", MASK + MASK),
        ("a%40b@example.org", "a%" + MASK),
        ("contact.us is no token", "contact.us is no token"),
        ("what? nothing", "what? nothing"),
    ],
)
def test_what_is_hidden_and_what_stays(line, left):
    assert Redactor().redact_text(line) == left


def test_a_known_secret_is_hidden_before_looks_are_taken():
    assert Redactor([Secret("a-known-one@example.org")]).redact_text(
        "x a-known-one@example.org y"
    ) == (f"x {MASK} y")
