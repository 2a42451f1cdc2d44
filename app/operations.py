"""Our routes as operations: what each view tells of itself. Knows no form of description."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask import current_app
from pydantic import BaseModel
from werkzeug.routing import Rule

SHOWN = ("/api/", "/m/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs")
IMPLIED = frozenset({"HEAD", "OPTIONS"})
PLACE = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
WORDLESS = re.compile(r"\W+")


@dataclass(frozen=True)
class Operation:
    """One method of one route, with what its view tells of itself."""

    rule: Rule
    method: str

    @cached_property
    def view(self) -> Any:
        return current_app.view_functions[self.rule.endpoint]

    @property
    def path(self) -> str:
        return PLACE.sub(r"{\1}", self.rule.rule)

    @property
    def name(self) -> str:
        """Nobody else's: a view may stand behind several routes."""
        return WORDLESS.sub("_", f"{self.method.lower()}{self.path}").strip("_")

    @property
    def summary(self) -> str:
        """The first sentence of the view's own docstring."""
        return " ".join((self.view.__doc__ or "").partition("\n\n")[0].split())

    @property
    def scopes(self) -> tuple[str, ...] | None:
        """What a caller needs; None if anybody may call."""
        found: tuple[str, ...] | None = getattr(self.view, "needs", None)
        return found

    @property
    def body(self) -> type[BaseModel] | None:
        found: type[BaseModel] | None = getattr(self.view, "takes", None)
        return found

    @property
    def query(self) -> type[BaseModel] | None:
        found: type[BaseModel] | None = getattr(self.view, "asks", None)
        return found


def operations() -> Iterator[Operation]:
    """In the order of their paths."""
    for rule in sorted(current_app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.rule.startswith(SHOWN):
            methods = rule.methods or set()
            for method in sorted(methods - IMPLIED or methods & {"OPTIONS"}):
                yield Operation(rule, method)
