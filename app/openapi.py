"""The interface describes itself: from the routes, what guards them and the models they read.

Nothing is written twice: a route that exists is documented, and nothing else is.
"""

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from flask import Blueprint, render_template
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import AnyConverter, IntegerConverter, Rule

from app.context import house
from app.errors import KINDS
from app.language import locale
from app.operations import Operation, operations
from app.words import words

blueprint = Blueprint("openapi", __name__)

SCHEMAS = "#/components/schemas/{model}"

Json = dict[str, Any]
Models = dict[type[BaseModel], Json]


@blueprint.get("/openapi.json")
def described() -> Json:
    """This description."""
    return document()


@blueprint.get("/docs")
def shown() -> str:
    """The same for people, with every error code."""
    codes = [(code, kind, words(code, locale())) for code, kind in sorted(KINDS.items())]
    return render_template("docs.html", operations=list(operations()), codes=codes)


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
        "operationId": each.name,
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
