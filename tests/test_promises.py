"""The page of promises names tests that exist, for each of twenty-nine promises."""

import re

from tests.documents import ROOT

PAGE = ROOT / "docs" / "develop" / "promises.md"
LINES = [line for line in PAGE.read_text().splitlines() if re.match(r"\| \d", line)]
ROWS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in LINES]


def test_each_promise_has_its_line():
    assert [row[0] for row in ROWS] == [str(number) for number in range(1, 30)]


def test_each_promise_names_what_shows_it():
    assert [number for number, _, evidence, _ in ROWS if "`" not in evidence] == []


def test_what_shows_them_exists():
    named = re.findall(r"`(tests/[\w/]+\.py)`", PAGE.read_text())
    assert len(named) > 40
    assert [path for path in named if not (ROOT / path).exists()] == []
