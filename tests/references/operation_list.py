"""The operations of the HTTP API, from the description that a running instance serves."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.api.openapi import build_document
from app.factory import create_app
from core.config.settings import Settings
from core.encryption_keys import generate_key
from tests.references.markdown import WRITTEN_BY, format_table

SETTINGS = {
    "DATABASE_URL": "postgresql://127.0.0.1/none",
    "BROKER_URL": "redis://127.0.0.1/0",
    "SECRET_KEY": "a-secret-key-that-protects-nothing",
}
INTRODUCTION = f"""# The HTTP API

{WRITTEN_BY}

A running instance serves the whole description, with models and examples, at `/openapi.json`, and pages of it at `/docs`. Here is what there is. A parameter in brackets may be left out; *scopes* are what an API key needs. The codes of errors are in [their own list](errors.md).

"""  # noqa: E501 - a paragraph is one line in our documents


def load_document() -> dict[str, Any]:
    settings = Settings.from_env({**SETTINGS, "TOKEN_ENCRYPTION_KEY": generate_key()})
    app = create_app(settings)
    with app.app_context():
        return build_document()


def render_operations() -> str:
    document = load_document()
    sections = []
    for tag in document["tags"]:
        rows = list(describe_operations(document["paths"], tag["name"]))
        header = ("Operation", "What it does", "Parameters", "Body", "Answers", "Scopes")
        if rows:
            sections.append(f"## {tag['description']}\n\n" + "\n".join(format_table(header, rows)))
    return INTRODUCTION + "\n\n".join(sections) + "\n"


def describe_operations(paths: Mapping[str, Any], tag: str) -> Iterator[tuple[str, ...]]:
    for path, methods in sorted(paths.items()):
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield (
                    f"`{method.upper()} {path}`",
                    operation["summary"],
                    ", ".join(map(format_parameter, operation.get("parameters", ()))),
                    ", ".join(list_bodies(operation)),
                    ", ".join(sorted(operation["responses"])),
                    ", ".join(list_scopes(operation)),
                )


def format_parameter(parameter: Mapping[str, Any]) -> str:
    name = f"`{parameter['name']}`"
    return name if parameter.get("required") else f"[{name}]"


def list_bodies(operation: Mapping[str, Any]) -> Iterator[str]:
    """The names of models of the body; of a body without one its kind."""
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        schema = content.get("schema", {})
        references = [schema, *schema.get("anyOf", ()), *schema.get("oneOf", ())]
        names = [each["$ref"].rpartition("/")[2] for each in references if "$ref" in each]
        yield ", ".join(f"`{name}`" for name in names) or f"`{kind}`"


def list_scopes(operation: Mapping[str, Any]) -> list[str]:
    scopes = {
        scope
        for each in operation.get("security", ())
        for names in each.values()
        for scope in names
    }
    return sorted(f"`{scope}`" for scope in scopes)
