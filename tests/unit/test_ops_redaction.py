"""A pattern is searched only in lines with one of its marks, so every match must have one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.observability.redact import MASK, PATTERNS_BY_MARK, SECRET_PATTERNS, Redactor
from platforms.secret import Secret


@pytest.mark.parametrize("marks", SECRET_PATTERNS, ids="".join)
@given(data=st.data())
def test_every_match_of_a_pattern_contains_one_of_its_marks(marks, data):
    [pattern, *_] = [pattern for mark, pattern in PATTERNS_BY_MARK if mark in marks]
    match = pattern.search(data.draw(st.from_regex(pattern)))
    assert any(mark in match.string for mark in marks)


@pytest.mark.parametrize(
    ("line", "redacted"),
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
def test_patterns_are_masked_and_the_rest_stays(line, redacted):
    assert Redactor().redact_text(line) == redacted


def test_a_known_secret_is_masked_before_patterns():
    assert Redactor([Secret("a-known-one@example.org")]).redact_text(
        "x a-known-one@example.org y"
    ) == (f"x {MASK} y")
