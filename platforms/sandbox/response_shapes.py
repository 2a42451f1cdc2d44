"""Odd shapes of a JSON response: what real answers, written by other software, have looked like.

Each shape changes the body of a response that is otherwise right. A shape that changes single
fields gets their names, wherever in the body they are.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

Json = Any
ResponseShape = Callable[[Json, Mapping[str, Any]], Json]
"""Body and the fault's `fields` → the new body."""


def is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def change_values(body: Json, change: Callable[[Json], Json]) -> Json:
    """Return the body with `change` applied to every value in it, from the inside outwards."""
    if isinstance(body, dict):
        return change({name: change_values(value, change) for name, value in body.items()})
    if isinstance(body, list):
        return change([change_values(value, change) for value in body])
    return change(body)


def numbers_as_text(body: Json, _fields: Mapping[str, Any]) -> Json:
    return change_values(body, lambda value: str(value) if is_number(value) else value)


def numbers_as_floats(body: Json, _fields: Mapping[str, Any]) -> Json:
    """Write whole numbers as floats, except ids, which a float cannot hold."""
    return change_values(
        body, lambda value: float(value) if is_number(value) and value < 2**53 else value
    )


def flags_as_text(body: Json, _fields: Mapping[str, Any]) -> Json:
    return change_values(
        body, lambda value: str(value).lower() if isinstance(value, bool) else value
    )


def flags_as_numbers(body: Json, _fields: Mapping[str, Any]) -> Json:
    return change_values(body, lambda value: int(value) if isinstance(value, bool) else value)


def lists_as_values(body: Json, _fields: Mapping[str, Any]) -> Json:
    """Write a list of one as the item itself, and a list of several texts as one text."""

    def change(value: Json) -> Json:
        if isinstance(value, list) and len(value) == 1:
            return value[0]
        is_texts = isinstance(value, list) and value and all(isinstance(i, str) for i in value)
        return ",".join(value) if is_texts else value

    return change_values(body, change)


def values_as_lists(body: Json, fields: Mapping[str, Any]) -> Json:
    """Write the named fields as a list: a text with commas as its parts, anything else alone."""

    def as_list(value: Json) -> Json:
        return value.split(",") if isinstance(value, str) else [value]

    return change_fields(body, lambda name, value: as_list(value) if name in fields else value)


def commas_as_blanks(body: Json, fields: Mapping[str, Any]) -> Json:
    return change_fields(
        body,
        lambda name, value: (
            value.replace(",", " ") if name in fields and isinstance(value, str) else value
        ),
    )


def nested_json(body: Json, _fields: Mapping[str, Any]) -> Json:
    """Encode each object in the body once more, as text."""
    return {
        name: json.dumps(value) if isinstance(value, dict) else value
        for name, value in body.items()
    }


def missing_fields(body: Json, fields: Mapping[str, Any]) -> Json:
    return change_objects(
        body, lambda item: {name: value for name, value in item.items() if name not in fields}
    )


def renamed_fields(body: Json, fields: Mapping[str, Any]) -> Json:
    return change_objects(
        body, lambda item: {fields.get(name, name): value for name, value in item.items()}
    )


def other_values(body: Json, fields: Mapping[str, Any]) -> Json:
    """Set the named fields where they are; those that are nowhere beside the response's data."""
    present: set[str] = set()

    def change(name: str, value: Json) -> Json:
        if name not in fields:
            return value
        present.add(name)
        return fields[name]

    changed = change_fields(body, change)
    added = {name: value for name, value in fields.items() if name not in present}
    target = changed["data"] if isinstance(changed.get("data"), dict) else changed
    target.update(added)
    return changed


def change_objects(body: Json, change: Callable[[dict[str, Any]], Json]) -> Json:
    return change_values(body, lambda value: change(value) if isinstance(value, dict) else value)


def change_fields(body: Json, change: Callable[[str, Json], Json]) -> Json:
    return change_objects(
        body, lambda item: {name: change(name, value) for name, value in item.items()}
    )


RESPONSE_SHAPES: Mapping[str, ResponseShape] = {
    "numbers_as_text": numbers_as_text,
    "numbers_as_floats": numbers_as_floats,
    "flags_as_text": flags_as_text,
    "flags_as_numbers": flags_as_numbers,
    "lists_as_values": lists_as_values,
    "nested_json": nested_json,
    "values_as_lists": values_as_lists,
    "commas_as_blanks": commas_as_blanks,
    "missing_fields": missing_fields,
    "renamed_fields": renamed_fields,
    "other_values": other_values,
}
FIELD_SHAPES = frozenset(
    {"values_as_lists", "commas_as_blanks", "missing_fields", "renamed_fields", "other_values"}
)
"""The shapes that need the fault's `fields`: an object of names and, for the last two, values."""


def reshape_body(kind: str, body: bytes, fields: Mapping[str, Any]) -> bytes:
    """Return the body in an odd shape; one that is not a JSON object stays as it is."""
    try:
        value = json.loads(body)
    except ValueError:
        return body
    if not isinstance(value, dict):
        return body
    return json.dumps(RESPONSE_SHAPES[kind](value, fields)).encode()
