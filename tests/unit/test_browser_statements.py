"""Each statement about the pages is proved by a test in a browser or over HTTP that is marked."""

import ast
import tomllib
from pathlib import Path

TESTS = Path(__file__).parents[1]
LIST = (TESTS / "browser" / "statements.toml").read_text("utf-8")
STATEMENTS = {int(number) for number in tomllib.loads(LIST)["statements"]}


def list_marked_tests():
    """Pairs of a number and the test that is marked with it."""
    paths = (
        path
        for name in ("app", "browser", "flows")
        for path in sorted(TESTS.glob(f"{name}/test_*.py"))
    )
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                yield from ((number, node.name) for number in list_numbers(node))


def list_numbers(test):
    for decorator in test.decorator_list:
        if isinstance(decorator, ast.Call) and getattr(decorator.func, "attr", "") == "statement":
            yield ast.literal_eval(decorator.args[0])


def test_each_statement_is_proved_by_a_test():
    assert {number for number, _ in list_marked_tests()} == STATEMENTS


def test_only_tests_carry_the_number_of_a_statement():
    assert [name for _, name in list_marked_tests() if not name.startswith("test_")] == []
