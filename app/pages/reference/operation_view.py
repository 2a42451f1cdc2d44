"""An operation of the API description as its page shows it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.pages.reference.samples import CodeSample, SampleRequest, build_samples
from app.pages.reference.schema_view import FieldRow, build_row, list_fields

Document = Mapping[str, Any]

KEY_EXAMPLE = "Bearer sp_your-key"
ERROR_EXAMPLE_PREFIX = "#/components/examples/"
BINARY_EXAMPLE = "bytes"


@dataclass(frozen=True)
class ParameterRow:
    """A parameter: where it stands, and what values it takes."""

    place: str
    field: FieldRow


@dataclass(frozen=True)
class BodyView:
    """One form of a body; `title` tells the forms apart."""

    title: str
    fields: tuple[FieldRow, ...]


@dataclass(frozen=True)
class AnswerView:
    """A success. `example` is JSON as text, or empty."""

    status: str
    description: str
    content_type: str
    headers: tuple[str, ...]
    fields: tuple[FieldRow, ...]
    example: str


@dataclass(frozen=True)
class ErrorGroup:
    """The error codes with one status."""

    status: str
    codes: tuple[str, ...]


@dataclass(frozen=True)
class OperationView:
    """Everything that a page says about an operation."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    scopes: tuple[str, ...] | None
    parameters: tuple[ParameterRow, ...]
    content_type: str
    bodies: tuple[BodyView, ...]
    body_example: str
    answers: tuple[AnswerView, ...]
    errors: tuple[ErrorGroup, ...]
    samples: tuple[CodeSample, ...]


def iter_described(document: Document, tag: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield path, method and description of the operations with a tag."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield path, method.upper(), operation


def build_operation_view(
    document: Document, path: str, method: str, operation: Mapping[str, Any]
) -> OperationView:
    schemas = document["components"]["schemas"]
    security = operation["security"]
    content_type, body = find_content(operation.get("requestBody", {}))
    example = body.get("example")
    return OperationView(
        id=operation["operationId"],
        method=method,
        path=path,
        summary=operation["summary"],
        description=operation.get("description", ""),
        scopes=tuple(security[0]["key"]) if security else None,
        parameters=tuple(list_parameters(operation, schemas)),
        content_type=content_type,
        bodies=tuple(list_bodies(body.get("schema", {}), schemas)),
        body_example="" if example is None else format_json(example),
        answers=tuple(list_answers(operation, schemas)),
        errors=tuple(list_errors(operation)),
        samples=tuple(build_samples(build_request(document, path, method, operation))),
    )


def find_content(holder: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return the first content type of a body or an answer, and what is said about it."""
    nothing: tuple[str, Mapping[str, Any]] = ("", {})
    return next(iter(holder.get("content", {}).items()), nothing)


def list_parameters(
    operation: Mapping[str, Any], schemas: Mapping[str, Any]
) -> Iterator[ParameterRow]:
    for each in operation["parameters"]:
        schema = {**each["schema"]}
        if "description" in each:
            schema["description"] = each["description"]
        row = build_row(each["name"], schema, schemas, is_required=each["required"])
        yield ParameterRow(each["in"], row)


def list_bodies(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[BodyView]:
    mapping = schema.get("discriminator", {}).get("mapping", {})
    for name, reference in mapping.items():
        yield BodyView(name, tuple(list_fields({"$ref": reference}, schemas)))
    if schema and not mapping:
        yield BodyView("", tuple(list_fields(schema, schemas)))


def list_answers(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[AnswerView]:
    for status, response in operation["responses"].items():
        content_type, content = find_content(response)
        if is_error(content):
            continue
        example = content.get("example")
        yield AnswerView(
            status,
            response["description"],
            content_type,
            tuple(response.get("headers", ())),
            tuple(list_fields(content.get("schema", {}), schemas)),
            "" if example is None else format_json(example),
        )


def list_errors(operation: Mapping[str, Any]) -> Iterator[ErrorGroup]:
    for status, response in operation["responses"].items():
        _, content = find_content(response)
        if is_error(content):
            yield ErrorGroup(status, tuple(content["examples"]))


def is_error(content: Mapping[str, Any]) -> bool:
    return "examples" in content


def build_request(
    document: Document, path: str, method: str, operation: Mapping[str, Any]
) -> SampleRequest:
    headers = {"Authorization": KEY_EXAMPLE} if operation["security"] else {}
    for each in operation["parameters"]:
        if each["in"] == "path":
            path = path.replace(f"{{{each['name']}}}", example_of_parameter(each["schema"]))
        if each["in"] == "header" and each["required"]:
            headers[each["name"]] = each["example"]
    content_type, body = find_content(operation.get("requestBody", {}))
    url = document["servers"][0]["url"] + path
    if not content_type:
        return SampleRequest(method, url, headers)
    example = body.get("example", BINARY_EXAMPLE)
    return SampleRequest(method, url, headers, example, content_type)


def example_of_parameter(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return str(schema["enum"][0])
    if schema.get("format") == "uuid":
        return "6f1c2f7e-2a4b-4c8e-9a53-0c1d2e3f4a5b"
    return "48211" if schema["type"] == "integer" else "example"


def format_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
