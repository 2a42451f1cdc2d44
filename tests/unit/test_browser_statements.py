"""Each statement about the pages has a browser test that is marked with its number."""

import ast
import tomllib
from pathlib import Path

BROWSER_TESTS = Path(__file__).parents[1] / "browser"
STATEMENTS = tomllib.loads((BROWSER_TESTS / "statements.toml").read_text("utf-8"))["statements"]
UNPROVED = {30}


def list_marked_tests():
    """Pairs of a number and the test that is marked with it."""
    for path in sorted(BROWSER_TESTS.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                yield from ((number, node.name) for number in list_numbers(node))


def list_numbers(test):
    for decorator in test.decorator_list:
        if isinstance(decorator, ast.Call) and decorator.func.attr == "statement":
            yield ast.literal_eval(decorator.args[0])


def test_each_statement_has_a_browser_test():
    numbers = {number for number, _ in list_marked_tests()}
    assert numbers == {int(number) for number in STATEMENTS} - UNPROVED


def test_only_tests_carry_the_number_of_a_statement():
    assert [name for _, name in list_marked_tests() if not name.startswith("test_")] == []
