"""Our routes as operations: what each view tells of itself. Knows no form of description."""

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

from app.http.context import current_container
from app.http.errors import ERROR_KINDS
from app.http.i18n import current_locale
from app.http.messages import get_message

DOCUMENTED_PATH_PREFIXES = (
    "/api/",
    "/m/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/docs",
)
IMPLICIT_METHODS = frozenset({"HEAD", "OPTIONS"})
PATH_PARAMETER_PATTERN = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
NON_WORD_PATTERN = re.compile(r"\W+")


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
        return PATH_PARAMETER_PATTERN.sub(r"{\1}", self.rule.rule)

    @property
    def operation_id(self) -> str:
        """Nobody else's: a view may stand behind several routes."""
        return NON_WORD_PATTERN.sub("_", f"{self.method.lower()}{self.path}").strip("_")

    @property
    def summary(self) -> str:
        """The first sentence of the view's own docstring."""
        return " ".join((self.view.__doc__ or "").partition("\n\n")[0].split())

    @property
    def scopes(self) -> tuple[str, ...] | None:
        """What a caller needs; None if anybody may call."""
        found: tuple[str, ...] | None = getattr(self.view, "required_scopes", None)
        return found

    @property
    def body(self) -> type[BaseModel] | None:
        found: type[BaseModel] | None = getattr(self.view, "body_model", None)
        return found

    @property
    def query(self) -> type[BaseModel] | None:
        found: type[BaseModel] | None = getattr(self.view, "preflight_job", None)
        return found


def iter_operations() -> Iterator[Operation]:
    """In the order of their paths."""
    for rule in sorted(current_app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.rule.startswith(DOCUMENTED_PATH_PREFIXES):
            methods = rule.methods or set()
            for method in sorted(methods - IMPLICIT_METHODS or methods & {"OPTIONS"}):
                yield Operation(rule, method)


# MERGED app.openapi: The interface describes itself: from the routes, what guards them and the models they read.
#
# Nothing is written twice: a route that exists is documented, and nothing else is.

blueprint = Blueprint("openapi", __name__)

SCHEMA_REF_TEMPLATE = "#/components/schemas/{model}"

JsonObject = dict[str, Any]
ModelReferences = dict[type[BaseModel], JsonObject]


@blueprint.get("/openapi.json")
def show_openapi() -> JsonObject:
    """This description."""
    return build_document()


@blueprint.get("/docs")
def show_docs() -> str:
    """The same for people, with every error code."""
    codes = [
        (code, kind, get_message(code, current_locale()))
        for code, kind in sorted(ERROR_KINDS.items())
    ]
    return render_template("docs.html", operations=list(iter_operations()), codes=codes)


def build_document() -> JsonObject:
    documented = list(iter_operations())
    models, schemas = collect_models(documented)
    paths: dict[str, JsonObject] = {}
    for operation in documented:
        paths.setdefault(operation.path, {})[operation.method.lower()] = describe_operation(
            operation, models
        )
    return {
        "openapi": "3.1.0",
        "info": {"title": "signalpost", "version": version("signalpost")},
        "servers": [{"url": current_container().settings.public_url}],
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Error": ERROR_SCHEMA},
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


def collect_models(operations: list[Operation]) -> tuple[ModelReferences, JsonObject]:
    """Model → reference, and what the references lead to. Two models may have one name."""
    models = {
        model for operation in operations for model in (operation.body, operation.query) if model
    }
    sorted_models = sorted(models, key=lambda model: (model.__module__, model.__name__))
    references, schema = models_json_schema(
        [(model, "validation") for model in sorted_models], ref_template=SCHEMA_REF_TEMPLATE
    )
    return {model: references[model, "validation"] for model in sorted_models}, schema.get(
        "$defs", {}
    )


def describe_operation(operation: Operation, models: ModelReferences) -> JsonObject:
    described: JsonObject = {
        "operationId": operation.operation_id,
        "tags": [operation.rule.endpoint.partition(".")[0]],
        "summary": operation.summary,
        "parameters": [*path_parameters(operation.rule), *query_parameters(operation.query)],
        "responses": {"200": {"description": "Done"}, "default": ERROR_RESPONSE},
        "security": [],
    }
    if operation.scopes is not None:
        described["security"] = [
            {"key": list(operation.scopes)},
            {"session": list(operation.scopes)},
        ]
    if operation.body is not None:
        described["requestBody"] = {
            "content": {"application/json": {"schema": models[operation.body]}}
        }
    return described


def path_parameters(rule: Rule) -> Iterator[JsonObject]:
    for name, converter in rule._converters.items():
        schema: JsonObject = {"type": "string"}
        if isinstance(converter, IntegerConverter):
            schema = {"type": "integer", "format": "int64"}
        if isinstance(converter, AnyConverter):
            schema["enum"] = sorted(converter.items)
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def query_parameters(model: type[BaseModel] | None) -> Iterator[JsonObject]:
    schema = model.model_json_schema(ref_template=SCHEMA_REF_TEMPLATE) if model else {}
    for name, field in schema.get("properties", {}).items():
        required = name in schema.get("required", ())
        yield {"name": name, "in": "query", "required": required, "schema": field}


SECURITY_SCHEMES = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key, or a host's JWT"},
    "session": {"type": "apiKey", "in": "cookie", "name": "signalpost_session"},
}
ERROR_RESPONSE = {
    "description": "Refused, or gone wrong",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
}
STRING_SCHEMA, BOOLEAN_SCHEMA = {"type": "string"}, {"type": "boolean"}
ERROR_SCHEMA = {
    "type": "object",
    "required": ["success", "error"],
    "properties": {
        "success": {"const": False},
        "error": {
            "type": "object",
            "required": ["code", "message", "userMessage", "suggestion", "retryable", "requestId"],
            "properties": {
                "code": {"type": "string", "enum": sorted(ERROR_KINDS)},
                "message": STRING_SCHEMA,
                "userMessage": STRING_SCHEMA,
                "suggestion": STRING_SCHEMA,
                "retryable": BOOLEAN_SCHEMA,
                "retryAfter": {"type": "integer", "description": "seconds"},
                "details": {"type": "object"},
                "requestId": STRING_SCHEMA,
            },
        },
    },
}
