"""Examples made from JSON schemas: a value for each field by its name, else by its type."""

from collections.abc import Iterator, Mapping
from typing import Any

from platforms.registry import PLATFORMS

JsonSchema = Mapping[str, Any]

REFERENCE_PREFIX = "#/components/schemas/"
EXAMPLE_TIME = "2026-03-02T09:30:00Z"
FIRST_PLATFORM = next(iter(PLATFORMS))
ONE_TIME_VALUE = "shown only once"
EXAMPLE_UUID = "6f1c2f7e-2a4b-4c8e-9a53-0c1d2e3f4a5b"
VALUES_BY_NAME: Mapping[str, Any] = {
    "id": 48211,
    "url": "https://media.example.org/holiday.mp4",
    "email": "ada@example.org",
    "title": "A day at the sea",
    "text": "A day at the sea",
    "caption": "A day at the sea",
    "message": "Thank you!",
    "name": "Ada",
    "displayName": "Ada Example",
    "username": "ada.example",
    "handle": "ada.example",
    "filename": "holiday.mp4",
    "content_type": "video/mp4",
    "permalink": "https://platform.example/p/48211",
    "avatarUrl": "https://platform.example/ada.jpg",
    "kind": "VIDEO",
    "state": "PUBLISHED",
    "locale": "en",
    "prefix": "sp_4f1c",
    "key": ONE_TIME_VALUE,
    "secret": ONE_TIME_VALUE,
    "code": "duration_check_failed",
    "scopes": ["posts:read"],
    "scope": "profile,upload",
    "ip": "203.0.113.7",
    "method": "POST",
    "path": "/publish",
    "host": "api.platform.example",
    "nextCursor": None,
    "next_cursor": None,
    "csrfToken": "an-example-token",
    "cause": None,
    "error": None,
    "userMessage": None,
    "suggestion": None,
    "since": EXAMPLE_TIME,
    "platform": FIRST_PLATFORM,
    "provider": FIRST_PLATFORM,
    "worker": "webhook-processor",
    "version": "1",
    "requestId": "0c5f6d1e",
    "status": "ok",
    "subject": "post:48211",
    "description": "An example",
}
"""Field → its value in examples, if the field's type allows it."""

VALUES_BY_TYPE: Mapping[str, Any] = {
    "string": "example",
    "integer": 7,
    "number": 0.5,
    "boolean": True,
    "null": None,
    "object": {},
}
VALUES_BY_FORMAT = {"date-time": EXAMPLE_TIME, "uuid": EXAMPLE_UUID}
TYPE_NAMES: Mapping[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}


def build_example(
    schema: JsonSchema,
    schemas: Mapping[str, JsonSchema],
    name: str = "",
    *,
    only_required: bool = False,
) -> Any:
    """Build a value that the schema allows. `only_required`: of objects no other fields."""
    schema = resolve_schema(schema, schemas)
    constant = [schema["const"]] if "const" in schema else []
    given_values = [*schema.get("examples", ()), *constant, *schema.get("enum", ())]
    if given_values:
        return given_values[0]
    if name in VALUES_BY_NAME and is_allowed(VALUES_BY_NAME[name], schema, schemas):
        return VALUES_BY_NAME[name]
    if "properties" in schema:
        return build_object(schema, schemas, only_required=only_required)
    branches = schema.get("anyOf") or schema.get("oneOf")
    if branches:
        is_left_out = is_nullable(schema) and has_no_example(branches[0], schemas)
        branch = {"type": "null"} if is_left_out else branches[0]
        return build_example(branch, schemas, name, only_required=only_required)
    if schema.get("type") == "array":
        item = schema.get("items", {})
        return [build_example(item, schemas, name[:-1], only_required=only_required)]
    return build_scalar(schema)


def has_no_example(schema: JsonSchema, schemas: Mapping[str, JsonSchema]) -> bool:
    """Whether nothing but its type is known of a value: null says more than a word would."""
    resolved = resolve_schema(schema, schemas)
    return (
        resolved.get("type") in {"string", "integer"} and not {"format", "enum"} & resolved.keys()
    )


def build_object(
    schema: JsonSchema, schemas: Mapping[str, JsonSchema], *, only_required: bool
) -> dict[str, Any]:
    required = schema.get("required", ())
    return {
        field: build_example(part, schemas, field, only_required=only_required)
        for field, part in schema["properties"].items()
        if field in required or not (only_required or is_nullable(part))
    }


def build_scalar(schema: JsonSchema) -> Any:
    if schema.get("format") in VALUES_BY_FORMAT:
        return VALUES_BY_FORMAT[schema["format"]]
    return VALUES_BY_TYPE.get(str(schema.get("type")), {})


def resolve_schema(schema: JsonSchema, schemas: Mapping[str, JsonSchema]) -> JsonSchema:
    reference = schema.get("$ref")
    return schemas[reference.removeprefix(REFERENCE_PREFIX)] if reference else schema


def is_nullable(schema: JsonSchema) -> bool:
    return {"type": "null"} in schema.get("anyOf", ())


def is_allowed(value: Any, schema: JsonSchema, schemas: Mapping[str, JsonSchema]) -> bool:
    """Whether the schema allows values of this type; formats have their own examples."""
    return any(
        "format" not in branch and branch.get("type") == TYPE_NAMES[type(value)]
        for branch in iter_branches(schema, schemas)
    )


def iter_branches(schema: JsonSchema, schemas: Mapping[str, JsonSchema]) -> Iterator[JsonSchema]:
    for branch in schema.get("anyOf", (schema,)):
        yield resolve_schema(branch, schemas)
