"""The operations of the API, read from its routes: path, scopes, body, query and docstring.

Every route is found here, so that none is described twice or forgotten.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask import current_app
from pydantic import BaseModel
from werkzeug.routing import Rule

from app.api.answers.errors import list_error_statuses
from app.api.answers.request_headers import OTHER_BODIES, REQUEST_HEADERS, RequestHeader
from app.api.answers.table import ANSWERS, HEAD_ANSWERS, Answer, build_answer_model
from app.api.seed_answers import find_seed_answer
from app.api.tags import find_tag

DOCUMENTED_PATH_PREFIXES = (
    "/api/",
    "/m/",
    "/healthz",
    "/readyz",
    "/statusz",
    "/metrics",
    "/openapi.json",
    "/docs",
)
PAGE_PATH_PREFIX = "/docs"
IMPLICIT_METHODS = frozenset({"HEAD", "OPTIONS"})
PATH_PARAMETER_PATTERN = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
NON_WORD_PATTERN = re.compile(r"\W+")


@dataclass(frozen=True)
class Operation:
    """One method of one route, with what its view and its decorators declare."""

    rule: Rule
    method: str

    @cached_property
    def view(self) -> Any:
        return current_app.view_functions[self.rule.endpoint]

    @property
    def view_name(self) -> str:
        return str(self.view.__name__)

    @property
    def path(self) -> str:
        return PATH_PARAMETER_PATTERN.sub(r"{\1}", self.rule.rule)

    @property
    def operation_id(self) -> str:
        """Unique: made of method and path, since one view may serve several routes."""
        return NON_WORD_PATTERN.sub("_", f"{self.method.lower()}{self.path}").strip("_")

    @property
    def tag(self) -> str:
        return find_tag(self.rule.endpoint, self.rule.rule)

    @property
    def summary(self) -> str:
        """The first paragraph of the view's own docstring."""
        return " ".join((self.view.__doc__ or "").partition("\n\n")[0].split())

    @property
    def description(self) -> str:
        """The other paragraphs of the view's docstring."""
        return " ".join((self.view.__doc__ or "").partition("\n\n")[2].split())

    @property
    def scopes(self) -> tuple[str, ...] | None:
        """The scopes that are required; None if no authentication is."""
        required_scopes: tuple[str, ...] | None = getattr(self.view, "required_scopes", None)
        return required_scopes

    @property
    def body(self) -> type[BaseModel] | None:
        body_model: type[BaseModel] | None = getattr(self.view, "body_model", None)
        return body_model

    @property
    def body_variants(self) -> Mapping[str, type[BaseModel]]:
        """The body for each platform; empty if it is the same for all."""
        variants: Mapping[str, type[BaseModel]] = getattr(self.view, "body_variants", {})
        return variants

    @property
    def models(self) -> tuple[type[BaseModel], ...]:
        named = (*(self.body_variants.values() or [self.body]), self.query)
        return tuple(model for model in named if model is not None)

    @property
    def query(self) -> type[BaseModel] | None:
        query_model: type[BaseModel] | None = getattr(self.view, "query_model", None)
        return query_model

    @property
    def is_page(self) -> bool:
        return self.rule.rule.startswith(PAGE_PATH_PREFIX)

    @property
    def answer(self) -> Answer:
        seed_answer = find_seed_answer(self.rule.rule)
        if seed_answer is not None:
            return seed_answer
        if self.method == "HEAD":
            return HEAD_ANSWERS[self.view_name]
        return ANSWERS.get(self.view_name, Answer())

    @property
    def answer_model(self) -> type[BaseModel] | None:
        """The model of the whole answer; None if it has no JSON."""
        if not self.answer.has_json:
            return None
        return self.answer.model or build_answer_model(self.view_name)

    @property
    def request_headers(self) -> tuple[RequestHeader, ...]:
        return REQUEST_HEADERS.get(self.view_name, ()) if self.method != "HEAD" else ()

    @property
    def error_statuses(self) -> dict[int, list[str]]:
        """Status → the error codes that come with it."""
        return list_error_statuses(
            self.answer,
            path=self.rule.rule,
            has_body=self.body is not None or self.view_name in OTHER_BODIES,
            has_parameters=bool(self.rule.arguments - set(self.rule.defaults or ())),
            is_protected=self.scopes is not None,
        )


def iter_operations() -> Iterator[Operation]:
    """Yield all documented operations in the order of their paths."""
    for rule in sorted(current_app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.rule.startswith(DOCUMENTED_PATH_PREFIXES):
            methods = rule.methods or set()
            for method in sorted(methods - IMPLICIT_METHODS or methods & {"OPTIONS"}):
                yield Operation(rule, method)
            head = Operation(rule, "HEAD")
            if "HEAD" in methods and head.view_name in HEAD_ANSWERS:
                yield head
