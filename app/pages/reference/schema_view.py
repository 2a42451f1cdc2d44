"""JSON schemas as rows of a table: name, type in words, whether required, description."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schemas = Mapping[str, Mapping[str, Any]]

REFERENCE_PREFIX = "#/components/schemas/"
MAX_DEPTH = 4  # of fields in fields; the document has the rest
LIMIT_WORDS = (
    ("minimum", "≥ {}"),
    ("exclusiveMinimum", "> {}"),
    ("maximum", "≤ {}"),
    ("exclusiveMaximum", "< {}"),
    ("minLength", "≥ {} characters"),
    ("maxLength", "≤ {} characters"),
    ("minItems", "≥ {} items"),
    ("maxItems", "≤ {} items"),
)
MAX_LISTED_VALUES = 40


@dataclass(frozen=True)
class FieldRow:
    """A field of a JSON object. `depth`: how many objects it stands in."""

    name: str
    kind: str
    is_required: bool
    description: str
    depth: int
    values: tuple[str, ...] = ()


def list_fields(
    schema: Mapping[str, Any], schemas: Schemas, depth: int = 0, prefix: str = ""
) -> Iterator[FieldRow]:
    """Yield the fields of an object, each followed by the fields in it."""
    resolved = resolve_reference(schema, schemas)
    for name, part in resolved.get("properties", {}).items():
        is_required = name in resolved.get("required", ())
        yield build_row(prefix + name, part, schemas, is_required=is_required, depth=depth)
        inner = find_object(part, schemas)
        if inner is not None and depth < MAX_DEPTH:
            yield from list_fields(inner, schemas, depth + 1, f"{prefix}{name}.")


def build_row(
    name: str, schema: Mapping[str, Any], schemas: Schemas, *, is_required: bool, depth: int = 0
) -> FieldRow:
    resolved = resolve_reference(schema, schemas)
    description = str(schema.get("description") or resolved.get("description") or "")
    values = tuple(str(value) for value in list_values(schema, schemas))[:MAX_LISTED_VALUES]
    kind = describe_type(schema, schemas)
    return FieldRow(name, kind, is_required, " ".join(description.split()), depth, values)


def resolve_reference(schema: Mapping[str, Any], schemas: Schemas) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    return schemas[reference.removeprefix(REFERENCE_PREFIX)] if reference else schema


def find_object(schema: Mapping[str, Any], schemas: Schemas) -> Mapping[str, Any] | None:
    """Return the object that a field is, or that its items are."""
    resolved = resolve_reference(schema, schemas)
    if resolved.get("properties"):
        return resolved
    inner = [*resolved.get("anyOf", ()), *([resolved["items"]] if "items" in resolved else ())]
    found = (find_object(part, schemas) for part in inner)
    return next((part for part in found if part is not None), None)


def describe_type(schema: Mapping[str, Any], schemas: Schemas) -> str:
    """Say in words what values are allowed: `integer, ≥ 1, or null`."""
    resolved = resolve_reference(schema, schemas)
    branches = resolved.get("anyOf") or resolved.get("oneOf")
    if branches:
        words = (describe_type(branch, schemas) for branch in branches)
        return " or ".join(dict.fromkeys(words))
    if resolved.get("type") == "array":
        return f"list of {describe_type(resolved.get('items', {}), schemas)}"
    name = resolved.get("format") or resolved.get("type") or "any value"
    limits = [words.format(resolved[key]) for key, words in LIMIT_WORDS if key in resolved]
    return ", ".join((str(name), *limits))


def list_values(schema: Mapping[str, Any], schemas: Schemas) -> Iterator[Any]:
    """Yield the only values that are allowed, if they are listed."""
    resolved = resolve_reference(schema, schemas)
    yield from resolved.get("enum", ())
    if "const" in resolved:
        yield resolved["const"]
    for branch in resolved.get("anyOf", ()):
        yield from list_values(branch, schemas)
    if "items" in resolved:
        yield from list_values(resolved["items"], schemas)
