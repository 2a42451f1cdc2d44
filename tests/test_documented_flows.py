"""The flows that ARCHITECTURE.md walks through file by file are the flows of the code."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "ARCHITECTURE.md"
FLOW_LIMITS = {
    "A webhook comes in and is applied": 25,
    "A token expires and is refreshed": 20,
    "A post is requested and published": 35,
    "An Instagram post is published": 15,
}
ROW_PATTERN = re.compile(r"^\| (\d+) \| `([\w/]+\.py)`( \*entry\*)? \| (.+) \|$", re.MULTILINE)


@cache
def read_flow(title):
    """(path, whether a process starts here) of each row, in order."""
    text = DOCUMENT.read_text(encoding="utf-8")
    section = re.split(r"^##+ ", text.partition(f"## {title}\n")[2], flags=re.MULTILINE)[0]
    rows = ROW_PATTERN.findall(section)
    assert [int(number) for number, *_ in rows] == list(range(1, len(rows) + 1))
    return [(path, bool(entry)) for _, path, entry, _ in rows]


@cache
def imported_files(path):
    """Files of the project that this one imports; of a package also what its facade imports."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
        elif isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        else:
            continue
        for name in names:
            module = Path(*name.split("."))
            if (ROOT / module).with_suffix(".py").is_file():
                found.add(f"{module}.py")
            elif (ROOT / module / "__init__.py").is_file() and path != f"{module}/__init__.py":
                found |= {f"{module}/__init__.py"} | imported_files(f"{module}/__init__.py")
    return found


def unreached_files(flow):
    """Files of a flow that no earlier file of it imports and that are no entry either."""
    reached, missing = set(), []
    for path, is_entry in flow:
        if not is_entry and path not in reached:
            missing.append(path)
        reached |= imported_files(path)
    return missing


@pytest.mark.parametrize("title", FLOW_LIMITS)
def test_every_file_of_a_flow_exists_and_is_listed_once(title):
    paths = [path for path, _ in read_flow(title)]
    assert paths
    assert [path for path in paths if not (ROOT / path).is_file()] == []
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize("title", FLOW_LIMITS)
def test_every_file_of_a_flow_is_imported_by_an_earlier_one(title):
    assert unreached_files(read_flow(title)) == []


@pytest.mark.parametrize(("title", "limit"), FLOW_LIMITS.items())
def test_a_flow_is_read_in_few_files(title, limit):
    assert len(read_flow(title)) <= limit


def test_a_file_that_is_not_imported_is_noticed():
    flow = [("core/backoff.py", True), ("core/crypto.py", False)]
    assert unreached_files(flow) == ["core/crypto.py"]
