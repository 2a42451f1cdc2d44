"""Parses `fields` with nested braces and modifiers, and selects what a node answers.

Source: Meta, Graph API, field expansion, read 2026-11-22.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from platforms.sandbox.instagram.graph_errors import invalid_parameter, unknown_field

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ALIAS_MODIFIER = "as"


@dataclass(frozen=True)
class FieldSpec:
    """One requested field: `name.limit(2).order(x){children}`.

    `children` is None without braces. `arguments` has all modifiers by name, `limit` included.
    """

    name: str
    limit: int | None = None
    children: tuple["FieldSpec", ...] | None = None
    arguments: Mapping[str, str] = field(default_factory=dict)


NodeValue = Any | Callable[[FieldSpec], Any]
"""A value, or a function of the requested field for values that modifiers change."""


class FieldParser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def parse_list(self, *, is_nested: bool = False) -> tuple[FieldSpec, ...]:
        specs: list[FieldSpec] = []
        while True:
            self._skip_spaces()
            if is_nested and self._take("}"):
                return tuple(specs)
            if not is_nested and self._position == len(self._text):
                return tuple(specs)
            specs.append(self._parse_field())
            self._skip_spaces()
            is_end = self._position == len(self._text) or self._text[self._position] == "}"
            if not self._take(",") and not is_end:
                raise self._syntax_error()
            if is_nested and self._position == len(self._text):
                raise self._syntax_error()

    def _parse_field(self) -> FieldSpec:
        name, arguments = self._take_name(), {}
        while self._take("."):
            modifier = self._take_name()
            if modifier == ALIAS_MODIFIER:
                raise invalid_parameter("Field aliases are no longer supported")
            arguments[modifier] = self._take_argument()
        children = self.parse_list(is_nested=True) if self._take("{") else None
        limit = arguments.get("limit")
        if limit is not None and not limit.isdecimal():
            raise invalid_parameter("Param limit must be a non-negative integer")
        return FieldSpec(name, int(limit) if limit is not None else None, children, arguments)

    def _take_name(self) -> str:
        match = NAME.match(self._text, self._position)
        if match is None:
            raise self._syntax_error()
        self._position = match.end()
        return match[0]

    def _take_argument(self) -> str:
        end = self._text.find(")", self._position)
        if not self._take("(") or end < 0:
            raise self._syntax_error()
        argument = self._text[self._position : end]
        self._position = end + 1
        return argument.strip("{} ")

    def _take(self, character: str) -> bool:
        if self._text.startswith(character, self._position):
            self._position += len(character)
            return True
        return False

    def _skip_spaces(self) -> None:
        while self._take(" "):
            pass

    def _syntax_error(self) -> Exception:
        position, text = self._position, self._text
        return invalid_parameter(f"Syntax error at character {position} of fields: {text[:80]}")


def parse_fields(text: Any) -> list[FieldSpec]:
    """Return the requested fields, an empty list for an empty text. Errors: GraphError 100."""
    if isinstance(text, list):
        text = ",".join(str(item) for item in text)
    return list(FieldParser(str(text or "")).parse_list())


def select_fields(
    node: Mapping[str, NodeValue],
    specs: Collection[FieldSpec],
    allowed: Collection[str] | Mapping[str, Collection[str] | None],
    *,
    node_type: str = "",
) -> dict[str, Any]:
    """Return the requested fields of a node, and always its `id`.

    `allowed`: the fields of the node's type; as a mapping it also gives the fields of its children.
    A field without a value is left out. Errors: GraphError 100 if one field is not allowed, for the
    whole request.
    """
    answer: dict[str, Any] = {}
    for spec in specs:
        if spec.name not in allowed:
            raise unknown_field(spec.name, node_type)
        value = node.get(spec.name)
        if callable(value):
            value = value(spec)
        elif spec.children is not None:
            inner = allowed[spec.name] if isinstance(allowed, Mapping) else None
            value = select_children(value, spec.children, inner)
        if value is not None:
            answer[spec.name] = value
    if "id" in node:
        answer["id"] = node["id"]
    return answer


def select_children(
    value: Any, specs: Collection[FieldSpec], allowed: Collection[str] | None
) -> Any:
    """Select fields in an object, in the items of a list or of an edge with `data`."""
    if isinstance(value, list):
        return [select_children(item, specs, allowed) for item in value]
    if isinstance(value, Mapping) and isinstance(value.get("data"), list):
        return {**value, "data": select_children(value["data"], specs, allowed)}
    if isinstance(value, Mapping):
        names = allowed if allowed is not None else [*value, *(spec.name for spec in specs)]
        return select_fields(value, specs, names)
    return value
