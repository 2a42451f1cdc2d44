"""Every pattern takes a time that grows with the text: nobody holds up a process by a long one."""

import ast
import importlib
import re
import time
from pathlib import Path

import pytest

from core.observability.redact import PATTERNS_BY_MARK, SECRET_PATTERNS, Redactor

ROOT = Path(__file__).parents[2]
PACKAGES = ("app", "core", "db", "platforms", "tasks", "local")
MATCHING_FUNCTIONS = {"match", "fullmatch", "search", "sub", "findall", "finditer", "split"}
PIECES = (
    *("a", "0", "A", " ", "@", "?", "#", "&", "=", "/", ".", ":", "-", "_", "[", "%", "\n", "é"),
    *(
        "a.",
        "a-",
        "a@",
        "a:",
        "0.",
        "0-",
        "a/",
        "?a",
        "%40",
        "://",
        "://a",
        "a=b&",
        "#a",
        "@a",
        "a\n",
    ),
    *("eyJ-", "eyJ.", "sp_-", "sp_a-", "v1.a.", "act.", "EAA-", "Bearer ", "2207 ", "item 1: "),
)
SHORT, LONG = 5_000, 20_000  # characters
QUICK = 0.02  # seconds; a pattern that searches anew from each beginning takes longer
MAX_GROWTH = 10  # for four times the length: a quadratic one grows sixteen times


def list_patterns():
    """Every pattern of ours by its place: those that modules hold, and those of single calls."""
    patterns = {f"redact {mark}": pattern for mark, pattern in PATTERNS_BY_MARK}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            text, name = path.read_text(), ".".join(path.relative_to(ROOT).with_suffix("").parts)
            if "re.compile(" in text and "sandbox" not in name:
                held = vars(importlib.import_module(name.removesuffix(".__init__")))
                compiled = {key: each for key, each in held.items() if isinstance(each, re.Pattern)}
                patterns |= {f"{name}.{key}": pattern for key, pattern in compiled.items()}
            if "re." in text:
                patterns |= dict(find_patterns_of_calls(name, ast.parse(text)))
    return patterns


def find_patterns_of_calls(name, tree):
    """The patterns of `re.search("…", text)` and the like."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="re"), attr=function),
                args=[ast.Constant(value=str(pattern)), *_],
            ) if function in MATCHING_FUNCTIONS:
                searched = "search" if function not in {"match", "fullmatch"} else function
                yield f"{name} line {node.lineno} {searched}", re.compile(pattern)


ALL_SOURCES = "".join(
    path.read_text() for package in PACKAGES for path in (ROOT / package).rglob("*.py")
)
PATTERNS = list_patterns()


def used_functions(name):
    """How our code uses the pattern: to search for it in a text, or to compare whole texts."""
    constant = name.rpartition(".")[2]
    if not constant.isidentifier():
        return {name.rpartition(" ")[2]}
    used = re.findall(rf"\b{constant}\.(\w+)\(", ALL_SOURCES)
    return MATCHING_FUNCTIONS & set(used) or {"search"}


def search_seconds(match, text):
    started = time.thread_time()
    match(text)
    return time.thread_time() - started


def is_linear(match, piece):
    """Whether matching texts made of this piece takes a time in proportion to their length."""
    text = piece * (LONG // len(piece))
    for ending in ("", "!", "\n"):
        short = search_seconds(match, text[:SHORT] + ending)
        if short > QUICK and search_seconds(match, text + ending) > MAX_GROWTH * short:
            return False
    return True


def test_there_are_patterns():
    assert len(PATTERNS) > 40


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_does_not_search_a_text_again_and_again(name):
    pattern = PATTERNS[name]
    is_searched = used_functions(name) - {"match", "fullmatch"}
    function = pattern.search if is_searched else pattern.fullmatch
    is_of_bytes = isinstance(pattern.pattern, bytes)

    def match(text):
        function(text.encode() if is_of_bytes else text)

    assert [piece for piece in PIECES if not is_linear(match, piece)] == []


def test_a_pattern_that_does_would_be_found():
    """The negative control: the pattern of query strings that redaction had."""
    assert not is_linear(re.compile(r"(\?)[^\s\"'<>]*=[^\s\"'<>]*").search, "?")


@pytest.mark.parametrize("piece", [*PIECES, *(mark for marks in SECRET_PATTERNS for mark in marks)])
def test_a_log_line_of_100_kilobytes_is_redacted_at_once(piece):
    started = time.thread_time()
    Redactor().redact_text(piece * (100_000 // len(piece)))
    assert time.thread_time() - started < 1.0  # seconds; thirty before
