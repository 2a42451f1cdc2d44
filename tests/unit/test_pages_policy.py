"""No template holds what the content security policy forbids: inline styles and scripts."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEMPLATES = [
    *(ROOT / "app" / "templates").glob("**/*.html"),
    *(ROOT / "platforms").glob("*/pages/**/*.html"),
]
JINJA = re.compile(r"\{[{%#].*?[}%#]\}", re.DOTALL)
FORBIDDEN = {
    "a style attribute": re.compile(r"\sstyle\s*=", re.IGNORECASE),
    "an event handler": re.compile(r"<[^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "an inline script": re.compile(r"<script(?![^>]*\ssrc=)", re.IGNORECASE),
    "an inline style sheet": re.compile(r"<style", re.IGNORECASE),
    "a javascript address": re.compile(r"javascript:", re.IGNORECASE),
}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_holds_nothing_inline(path):
    assert find_inline(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("markup", "fault"),
    [
        ('<p style="color: red">', "a style attribute"),
        ("<button onclick=x>", "an event handler"),
        ("<script>x()</script>", "an inline script"),
        ("<style>p {}</style>", "an inline style sheet"),
        ('<a href="javascript:x">', "a javascript address"),
    ],
)
def test_what_is_inline_is_found(markup, fault):
    assert find_inline(markup) == [fault]


def test_a_script_from_a_file_is_allowed():
    assert find_inline('<script src="/static/page.js" defer></script>') == []


def find_inline(markup):
    html = JINJA.sub("", markup)
    return [name for name, pattern in FORBIDDEN.items() if pattern.search(html)]
