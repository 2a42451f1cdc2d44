"""The interface describes itself: from the routes, what guards them and the models they read.

Nothing is written twice: a route that exists is documented, and nothing else is.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any

from flask import Blueprint, current_app, render_template
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import AnyConverter, IntegerConverter, Rule

from app.context import house
from app.envelope import locale
from app.errors import KINDS
from app.words import words

blueprint = Blueprint("openapi", __name__)

SHOWN = ("/api/", "/m/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs")
IMPLIED = frozenset({"HEAD", "OPTIONS"})
PLACE = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
WORDLESS = re.compile(r"\W+")
SCHEMAS = "#/components/schemas/{model}"

Json = dict[str, Any]
Models = dict[type[BaseModel], Json]


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


@blueprint.get("/openapi.json")
def described() -> Json:
    """This description."""
    return document()


@blueprint.get("/docs")
def shown() -> str:
    """The same for people, with every error code."""
    codes = [(code, kind, words(code, locale())) for code, kind in sorted(KINDS.items())]
    return render_template("docs.html", operations=list(operations()), codes=codes)


def operations() -> Iterator[Operation]:
    """In the order of their paths."""
    for rule in sorted(current_app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.rule.startswith(SHOWN):
            methods = rule.methods or set()
            for method in sorted(methods - IMPLIED or methods & {"OPTIONS"}):
                yield Operation(rule, method)


def document() -> Json:
    found = list(operations())
    models, schemas = described_models(found)
    paths: dict[str, Json] = {}
    for each in found:
        paths.setdefault(each.path, {})[each.method.lower()] = operation(each, models)
    return {
        "openapi": "3.1.0",
        "info": {"title": "signalpost", "version": version("signalpost")},
        "servers": [{"url": house().settings.public_url}],
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Error": ENVELOPE},
            "securitySchemes": SCHEMES,
        },
    }


def described_models(found: list[Operation]) -> tuple[Models, Json]:
    """Model → reference, and what the references lead to. Two models may have one name."""
    models = {model for each in found for model in (each.body, each.query) if model}
    wanted = sorted(models, key=lambda model: (model.__module__, model.__name__))
    references, schema = models_json_schema(
        [(model, "validation") for model in wanted], ref_template=SCHEMAS
    )
    return {model: references[model, "validation"] for model in wanted}, schema.get("$defs", {})


def operation(each: Operation, models: Models) -> Json:
    told: Json = {
        "operationId": WORDLESS.sub("_", f"{each.method.lower()}{each.path}").strip("_"),
        "tags": [each.rule.endpoint.partition(".")[0]],
        "summary": each.summary,
        "parameters": [*in_path(each.rule), *in_query(each.query)],
        "responses": {"200": {"description": "Done"}, "default": REFUSED},
        "security": [],
    }
    if each.scopes is not None:
        told["security"] = [{"key": list(each.scopes)}, {"session": list(each.scopes)}]
    if each.body is not None:
        told["requestBody"] = {"content": {"application/json": {"schema": models[each.body]}}}
    return told


def in_path(rule: Rule) -> Iterator[Json]:
    for name, converter in rule._converters.items():  # noqa: SLF001 - Werkzeug tells it nowhere else
        schema: Json = {"type": "string"}
        if isinstance(converter, IntegerConverter):
            schema = {"type": "integer", "format": "int64"}
        if isinstance(converter, AnyConverter):
            schema["enum"] = sorted(converter.items)
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def in_query(model: type[BaseModel] | None) -> Iterator[Json]:
    schema = model.model_json_schema(ref_template=SCHEMAS) if model else {}
    for name, field in schema.get("properties", {}).items():
        needed = name in schema.get("required", ())
        yield {"name": name, "in": "query", "required": needed, "schema": field}


SCHEMES = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key, or a host's JWT"},
    "session": {"type": "apiKey", "in": "cookie", "name": "signalpost_session"},
}
REFUSED = {
    "description": "Refused, or gone wrong",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
}
TEXT, FLAG = {"type": "string"}, {"type": "boolean"}
ENVELOPE = {
    "type": "object",
    "required": ["success", "error"],
    "properties": {
        "success": {"const": False},
        "error": {
            "type": "object",
            "required": ["code", "message", "userMessage", "suggestion", "retryable", "requestId"],
            "properties": {
                "code": {"type": "string", "enum": sorted(KINDS)},
                "message": TEXT,
                "userMessage": TEXT,
                "suggestion": TEXT,
                "retryable": FLAG,
                "retryAfter": {"type": "integer", "description": "seconds"},
                "details": {"type": "object"},
                "requestId": TEXT,
            },
        },
    },
}
