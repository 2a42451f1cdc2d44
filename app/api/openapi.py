"""The API description, as OpenAPI and as a page, generated from the routes.

A route's path, scopes, body, query and docstring are read from its view, so every route is
documented and nothing is written twice.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import AnyConverter, IntegerConverter, Rule, UUIDConverter

from app.http.context import current_container
from app.http.cookies import SESSION_COOKIE
from app.http.errors import ERROR_KINDS
from app.http.i18n import current_locale
from app.http.messages import get_message

blueprint = Blueprint("openapi", __name__)

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
IMPLICIT_METHODS = frozenset({"HEAD", "OPTIONS"})
PATH_PARAMETER_PATTERN = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
NON_WORD_PATTERN = re.compile(r"\W+")
SCHEMA_REF_TEMPLATE = "#/components/schemas/{model}"
DOCUMENT_KEY = "signalpost.openapi"  # in the extensions of the application: built once
JsonObject = dict[str, Any]
ModelReferences = dict[type[BaseModel], JsonObject]

SECURITY_SCHEMES = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, or a host application's JWT",
    },
    "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE},
}
ERROR_RESPONSE = {
    "description": "The request was refused or failed",
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


@dataclass(frozen=True)
class Operation:
    """One method of one route, with what its view and its decorators declare."""

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
        """Unique: made of method and path, since one view may serve several routes."""
        return NON_WORD_PATTERN.sub("_", f"{self.method.lower()}{self.path}").strip("_")

    @property
    def summary(self) -> str:
        """The first sentence of the view's own docstring."""
        return " ".join((self.view.__doc__ or "").partition("\n\n")[0].split())

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


@blueprint.get("/openapi.json")
def show_openapi() -> Response:
    """Show this description in the OpenAPI format."""
    document: bytes | None = current_app.extensions.get(DOCUMENT_KEY)
    if document is None:
        document = current_app.json.dumps(build_document()).encode()
        current_app.extensions[DOCUMENT_KEY] = document
    response = Response(document, mimetype="application/json")
    response.add_etag()
    response.make_conditional(request)
    return response


@blueprint.get("/docs")
def show_docs() -> str:
    """Show this description as a page, with all error codes."""
    error_codes = [
        (code, kind, get_message(code, current_locale()))
        for code, kind in sorted(ERROR_KINDS.items())
    ]
    return render_template("docs.html", operations=list(iter_operations()), error_codes=error_codes)


def build_document() -> JsonObject:
    operations = list(iter_operations())
    models, schemas = collect_models(operations)
    paths: dict[str, JsonObject] = {}
    for operation in operations:
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


def iter_operations() -> Iterator[Operation]:
    """Yield all documented operations in the order of their paths."""
    for rule in sorted(current_app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.rule.startswith(DOCUMENTED_PATH_PREFIXES):
            methods = rule.methods or set()
            for method in sorted(methods - IMPLICIT_METHODS or methods & {"OPTIONS"}):
                yield Operation(rule, method)


def collect_models(operations: list[Operation]) -> tuple[ModelReferences, JsonObject]:
    """Return a reference for each model, and the schemas they refer to, with unique names."""
    models = {model for operation in operations for model in operation.models}
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
            "content": {"application/json": {"schema": describe_body(operation, models)}}
        }
    return described


def describe_body(operation: Operation, models: ModelReferences) -> JsonObject:
    if not operation.body_variants and operation.body is not None:
        return models[operation.body]
    references = {name: models[model] for name, model in operation.body_variants.items()}
    mapping = {name: reference["$ref"] for name, reference in references.items()}
    return {
        "oneOf": list(references.values()),
        "discriminator": {"propertyName": "platform", "mapping": mapping},
    }


def path_parameters(rule: Rule) -> Iterator[JsonObject]:
    for name, converter in rule._converters.items():  # noqa: SLF001 - Werkzeug has no public access
        schema: JsonObject = {"type": "string"}
        if isinstance(converter, IntegerConverter):
            schema = {"type": "integer", "format": "int64"}
        if isinstance(converter, UUIDConverter):
            schema["format"] = "uuid"
        if isinstance(converter, AnyConverter):
            schema["enum"] = sorted(converter.items)
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def query_parameters(model: type[BaseModel] | None) -> Iterator[JsonObject]:
    schema = model.model_json_schema(ref_template=SCHEMA_REF_TEMPLATE) if model else {}
    for name, field in schema.get("properties", {}).items():
        required = name in schema.get("required", ())
        yield {"name": name, "in": "query", "required": required, "schema": field}
