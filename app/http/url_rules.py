"""Routes that compile what builds their URLs when the first URL is built, not at the start."""

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule

BuildFunction = Callable[..., tuple[str, str]]


class LazyRule(Rule):
    """A route of Flask (`Flask.url_rule_class`), two thirds faster to add.

    Werkzeug 3.1 generates and compiles two functions for every route, of which a process calls a
    few: `create_app` took 40 ms of CPU for 221 routes, and takes 9 ms with this. Matching a
    request is not touched. The overridden method is Werkzeug's own: if a later version calls
    another one, that one compiles at the start again, and nothing else changes.
    """

    def _compile_builder(self, append_unknown: bool = True) -> BuildFunction:  # noqa: FBT001, FBT002 - Werkzeug's signature
        compile_builder = super()._compile_builder
        attribute = "_build_unknown" if append_unknown else "_build"

        def build_first_url(rule: Rule, /, **values: Any) -> tuple[str, str]:
            build_url = compile_builder(append_unknown).__get__(rule, None)
            setattr(rule, attribute, build_url)
            result: tuple[str, str] = build_url(**values)
            return result

        return build_first_url
