"""The API description in the OpenAPI format, built once from the routes and tables of answers."""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from threading import Lock
from typing import Any

from flask import Blueprint, Response, current_app, request
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import AnyConverter, IntegerConverter, Rule, UUIDConverter

from app.api.answers.request_headers import BODY_EXAMPLES, OTHER_BODIES
from app.api.error_descriptions import (
    ERROR_SCHEMA,
    describe_error_responses,
    list_error_examples,
)
from app.api.example_values import build_example
from app.api.operations import Operation, iter_operations
from app.api.tags import TAGS
from app.http.context import current_container
from app.http.cookies import SESSION_COOKIE
from platforms.registry import PLATFORMS

blueprint = Blueprint("openapi", __name__)

SCHEMA_REF_TEMPLATE = "#/components/schemas/{model}"
DOCUMENT_KEY = "signalpost.openapi"  # in the extensions of the application: built once
DOCUMENT_LOCK = Lock()
PLATFORM_PARAMETERS = frozenset({"platform", "provider"})
JsonObject = dict[str, Any]
ModelReferences = dict[type[BaseModel], JsonObject]

STATUS_SENTENCES: Mapping[int, str] = {
    200: "Done",
    201: "Created",
    202: "Accepted; the work goes on after the answer",
    206: "The part of the file that was asked for",
    204: "Done, without a body",
    302: "A redirect for the browser of a person",
    503: "Not ready; the reasons are named",
}
DESCRIPTION = (
    "Sign in with a session cookie, or send an API key as `Authorization: Bearer sp_…`. Times are"
    " ISO 8601 in UTC. Lists are read page by page: `limit` is the size of a page, `cursor` the"
    " value that the page before named; null means that there is no next page."
)
SECURITY_SCHEMES = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, or a host application's JWT",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "The cookie of a signed-in browser; changes also need X-CSRF-Token",
    },
}
STRING_SCHEMA = {"type": "string"}


@blueprint.get("/openapi.json")
def show_openapi() -> Response:
    """Show this description in the OpenAPI format."""
    response = Response(encode_document(), mimetype="application/json")
    response.add_etag()
    response.make_conditional(request)
    return response


def encode_document() -> bytes:
    """Build the document at the first request; others wait, instead of building it as well."""
    with DOCUMENT_LOCK:
        document: bytes | None = current_app.extensions.get(DOCUMENT_KEY)
        if document is None:
            document = current_app.json.dumps(build_document()).encode()
            current_app.extensions[DOCUMENT_KEY] = document
    return document


def build_document() -> JsonObject:
    operations = list(iter_operations())
    models, schemas = collect_models(operations)
    paths: dict[str, JsonObject] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = describe_operation(
            operation, models, schemas
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "signalpost",
            "version": version("signalpost"),
            "description": DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": current_container().settings.public_url}],
        "tags": [{"name": tag.name, "description": tag.title} for tag in TAGS],
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Error": ERROR_SCHEMA},
            "examples": list_error_examples(),
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


def collect_models(operations: list[Operation]) -> tuple[ModelReferences, JsonObject]:
    """Return a reference for each model, and the schemas they refer to, with unique names."""
    models = {model for operation in operations for model in operation.models}
    models |= {model for each in operations if (model := each.answer_model) is not None}
    sorted_models = sorted(models, key=lambda model: (model.__module__, model.__name__))
    references, schema = models_json_schema(
        [(model, "validation") for model in sorted_models], ref_template=SCHEMA_REF_TEMPLATE
    )
    return {model: references[model, "validation"] for model in sorted_models}, schema.get(
        "$defs", {}
    )


def describe_operation(
    operation: Operation, models: ModelReferences, schemas: JsonObject
) -> JsonObject:
    described: JsonObject = {
        "operationId": operation.operation_id,
        "tags": [operation.tag],
        "summary": operation.summary,
        **({"description": operation.description} if operation.description else {}),
        "parameters": [
            *path_parameters(operation.rule),
            *query_parameters(operation.query),
            *header_parameters(operation),
        ],
        "responses": {
            **describe_error_responses(operation.error_statuses, is_page=operation.is_page),
            **describe_successes(operation, models, schemas),
        },
        "security": [],
    }
    if operation.scopes is not None:
        described["security"] = [
            {"key": list(operation.scopes)},
            {"session": list(operation.scopes)},
        ]
    content = describe_content(operation, models, schemas)
    if content:
        required = {"required": True} if is_body_required(operation) else {}
        described["requestBody"] = {**required, "content": content}
    return described


def describe_content(
    operation: Operation, models: ModelReferences, schemas: JsonObject
) -> Mapping[str, Any]:
    """Return the bodies of requests by content type; empty if the operation reads none."""
    if operation.method == "HEAD" or operation.body is None:
        return OTHER_BODIES.get(operation.view_name, {}) if operation.method != "HEAD" else {}
    schema = describe_body(operation, models)
    example = BODY_EXAMPLES.get(operation.view_name)
    if example is None:
        example = build_example(schema, schemas, only_required=True)
    return {"application/json": {"schema": schema, "example": example}}


def is_body_required(operation: Operation) -> bool:
    """Whether a missing body, which counts as an empty object, is refused."""
    fields = operation.body.model_fields.values() if operation.body is not None else ()
    return any(field.is_required() for field in fields) or operation.body is None


def describe_body(operation: Operation, models: ModelReferences) -> JsonObject:
    if not operation.body_variants and operation.body is not None:
        return models[operation.body]
    references = {name: models[model] for name, model in operation.body_variants.items()}
    mapping = {name: reference["$ref"] for name, reference in references.items()}
    return {
        "oneOf": list(references.values()),
        "discriminator": {"propertyName": "platform", "mapping": mapping},
    }


def describe_successes(
    operation: Operation, models: ModelReferences, schemas: JsonObject
) -> JsonObject:
    answer = operation.answer
    content = describe_answer_content(operation, models, schemas)
    headers = {name: {"schema": STRING_SCHEMA} for name in answer.headers}
    return {
        str(status): {
            "description": STATUS_SENTENCES[status],
            **({"headers": headers} if headers else {}),
            **({"content": content} if content else {}),
        }
        for status in answer.statuses
    }


def describe_answer_content(
    operation: Operation, models: ModelReferences, schemas: JsonObject
) -> JsonObject:
    content_type, model = operation.answer.content_type, operation.answer_model
    if not content_type:
        return {}
    if model is None:
        return {content_type: {"schema": STRING_SCHEMA}}
    schema = models[model]
    return {content_type: {"schema": schema, "example": build_example(schema, schemas)}}


def path_parameters(rule: Rule) -> Iterator[JsonObject]:
    for name, converter in rule._converters.items():  # noqa: SLF001 - Werkzeug has no public access
        schema: JsonObject = {"type": "string", "minLength": 1}
        if isinstance(converter, IntegerConverter):
            schema = {"type": "integer", "format": "int64", "minimum": 0, "maximum": 2**63 - 1}
        if isinstance(converter, UUIDConverter):
            schema["format"] = "uuid"
        if isinstance(converter, AnyConverter):
            schema["enum"] = sorted(converter.items)
        elif name in PLATFORM_PARAMETERS:
            schema["enum"] = sorted(PLATFORMS)
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def query_parameters(model: type[BaseModel] | None) -> Iterator[JsonObject]:
    schema = model.model_json_schema(ref_template=SCHEMA_REF_TEMPLATE) if model else {}
    for name, field in schema.get("properties", {}).items():
        required = name in schema.get("required", ())
        yield {"name": name, "in": "query", "required": required, "schema": field}


def header_parameters(operation: Operation) -> Iterator[JsonObject]:
    for header in operation.request_headers:
        yield {
            "name": header.name,
            "in": "header",
            "required": header.required,
            "description": header.description,
            "schema": dict(header.schema),
            "example": header.example,
        }
