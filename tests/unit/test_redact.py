"""Marks: a look that is not taken must have nothing to find."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.watch.redact import HIDDEN, LOOKS, MARKED, Redactor
from platforms.secret import Secret


@pytest.mark.parametrize("marks", LOOKS, ids="".join)
@given(data=st.data())
def test_whatever_a_look_finds_has_one_of_its_marks(marks, data):
    [look, *_] = [look for mark, look in MARKED if mark in marks]
    found = look.search(data.draw(st.from_regex(look)))
    assert any(mark in found.string for mark in marks)


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("amqp://guest:pass@host//", f"amqp://{HIDDEN}@host//"),
        ("GET /cb?code=1&state=2 HTTP/1.1", f"GET /cb?{HIDDEN} HTTP/1.1"),
        ("Bearer abcdef0123 sent", f"Bearer {HIDDEN} sent"),
        ("sp_abcd_01234567.someone@example.org", HIDDEN + HIDDEN),
        ("a%40b@example.org", "a%" + HIDDEN),
        ("contact.us is no token", "contact.us is no token"),
        ("what? nothing", "what? nothing"),
    ],
)
def test_what_is_hidden_and_what_stays(line, left):
    assert Redactor().text(line) == left


def test_a_known_secret_is_hidden_before_looks_are_taken():
    assert Redactor([Secret("a-known-one@example.org")]).text("x a-known-one@example.org y") == (
        f"x {HIDDEN} y"
    )
