"""Writes the types of the Python client from the description that a running server serves.

Usage: `python clients/generate_types.py http://127.0.0.1:8000/openapi.json`. A test compares the
written file with the description, and calls every operation that is not in `SKIPPED_OPERATIONS`.
"""

import json
import keyword
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.request import urlopen

TYPES_FILE = Path(__file__).parent / "python" / "signalpost_client" / "data_types.py"
HEADER = '''"""What the API answers, by the names that it uses itself.

Written from the API's own description by `clients/generate_types.py`; changes are lost. Times are
texts in ISO 8601, in UTC. An object may have more fields than its type: the server may be newer.
"""

from typing import Any, NotRequired, TypedDict
'''
TYPE_NAMES = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
}
CURSOR_FIELDS = frozenset({"nextCursor", "next_cursor"})
FREE_OBJECTS = frozenset({"PointAnswer", "VideoAnswer"})
"""Their fields beside the described ones are named by metrics."""

FOR_PEOPLE = "operators pause by command or on the page of queues"
FOR_MONITORS = "for monitors, without a key"
FOR_PLATFORMS = "called by platforms"
OLDER = "an older form of an operation that has a method"
ONE_PLATFORM = "a route of one platform; `Client.request` calls it"
SKIPPED_OPERATIONS: Mapping[str, str] = {
    "GET /openapi.json": "the description itself",
    "GET /healthz": FOR_MONITORS,
    "GET /readyz": FOR_MONITORS,
    "GET /statusz": FOR_MONITORS,
    "GET /metrics": FOR_MONITORS,
    "GET /m/{token}/{name}": "a signed link, which media have in `url`; needs no key",
    "GET /api/admin/pauses": FOR_PEOPLE,
    "POST /api/admin/pauses/{target}": FOR_PEOPLE,
    "DELETE /api/admin/pauses/{target}": FOR_PEOPLE,
    "OPTIONS /api/media": "the largest size is in the refusal too",
    "GET /api/workers/webhooks": FOR_MONITORS,
    "GET /api/workers/token-refresh": FOR_MONITORS,
    "GET /api/workers/instagram-insights": FOR_MONITORS,
    "GET /api/workers/tiktok-insights": FOR_MONITORS,
    "GET /api/webhooks/{provider}": FOR_PLATFORMS,
    "POST /api/webhooks/{provider}": FOR_PLATFORMS,
    "POST /api/webhooks/{provider}/data-deletion": FOR_PLATFORMS,
    "POST /api/webhooks/{provider}/deauthorize": FOR_PLATFORMS,
    "POST /api/{platform}/disconnect": OLDER,
    "POST /api/auth/{platform}/disconnect": OLDER,
    "GET /api/{platform}/quota": OLDER,
    "POST /api/instagram/publish": OLDER,
    "GET /api/instagram/publish/{post_id}": OLDER,
    "POST /api/tiktok/upload": OLDER,
    "GET /api/tiktok/upload/{post_id}/progress": OLDER,
    "GET /api/tiktok/posts": OLDER,
    "GET /api/tiktok/status/{publish_id}": OLDER,
    "GET /api/tiktok/quota": OLDER,
    "GET /api/tiktok/creator-info": ONE_PLATFORM,
}
"""Operation → why the client has no method for it. Nor has it one for pages and redirects, which
are for the browser of a person.
"""

JsonObject = dict[str, Any]


def main() -> None:
    with urlopen(sys.argv[1], timeout=30) as response:  # noqa: S310 - a developer's own argument
        TYPES_FILE.write_text(write_types(json.load(response)), encoding="utf-8")


def write_types(document: JsonObject) -> str:
    """Return the module with a type for each object that the client's methods return."""
    schemas = document["components"]["schemas"]
    written: dict[str, str] = {}
    for name in sorted(list_answer_schemas(document)):
        write_schema(name, schemas, written)
    return "\n\n".join([HEADER, *written.values()])


def list_answer_schemas(document: JsonObject) -> Iterator[str]:
    """Return the schemas of answers; of an envelope that is opened, those of its content."""
    for operation, described in iter_operations(document):
        if is_skipped(operation, described):
            continue
        for status, response in described["responses"].items():
            schema = response.get("content", {}).get("application/json", {}).get("schema", {})
            if status.startswith("2") and "$ref" in schema:
                name = schema_name(schema["$ref"])
                properties = document["components"]["schemas"][name].get("properties", {})
                if properties.keys() - CURSOR_FIELDS - {"success"} == {"data"}:
                    yield from find_references(properties["data"])
                elif properties.keys() - {"success"}:
                    yield name


def is_skipped(operation: str, described: JsonObject) -> bool:
    """Whether the client has no method for an operation."""
    successes = (each for status, each in described["responses"].items() if status < "400")
    content_types = {kind for each in successes for kind in each.get("content", {})}
    return operation in SKIPPED_OPERATIONS or content_types == {"text/html"}


def iter_operations(document: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            yield f"{method.upper()} {path}", described


def write_schema(name: str, schemas: JsonObject, written: dict[str, str]) -> None:
    """Add the type of a schema after those that it refers to."""
    schema = schemas[name]
    if name in written or name in FREE_OBJECTS:
        return
    fields = {key: each for key, each in schema["properties"].items() if key != "success"}
    for field in fields.values():
        for reference in find_references(field):
            write_schema(reference, schemas, written)
    required = set(schema.get("required", ()))
    types = {
        key: text if key in required else f"NotRequired[{text}]"
        for key, text in ((key, describe_type(field)) for key, field in fields.items())
    }
    has_keywords = any(keyword.iskeyword(key) for key in types)
    write = write_call if has_keywords else write_class
    written[name] = write(type_name(name), types)


def write_class(name: str, types: Mapping[str, str]) -> str:
    lines = [f"    {key}: {text}" for key, text in types.items()]
    return "\n".join([f"class {name}(TypedDict):", *lines, ""])


def write_call(name: str, types: Mapping[str, str]) -> str:
    """Write a type with a field whose name is a keyword of Python."""
    lines = [f'        "{key}": {text},' for key, text in types.items()]
    return "\n".join([f"{name} = TypedDict(", f'    "{name}",', "    {", *lines, "    },", ")", ""])


def describe_type(schema: JsonObject) -> str:
    """Return the type of a field as Python writes it."""
    if "$ref" in schema:
        name = schema_name(schema["$ref"])
        return "dict[str, Any]" if name in FREE_OBJECTS else type_name(name)
    if "anyOf" in schema:
        texts = list(dict.fromkeys(describe_type(each) for each in schema["anyOf"]))
        return " | ".join(sorted(texts, key=lambda text: text == "None"))
    match schema.get("type"):
        case "array":
            return f"list[{describe_type(schema.get('items', {}))}]"
        case "object":
            values = schema.get("additionalProperties")
            return f"dict[str, {describe_type(values) if isinstance(values, dict) else 'Any'}]"
        case kind:
            return TYPE_NAMES.get(str(kind), "Any")


def find_references(schema: Any) -> Iterator[str]:
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(schema)):
        yield schema_name(reference)


def schema_name(reference: str) -> str:
    return reference.rpartition("/")[2]


def type_name(schema: str) -> str:
    return f"{schema.removesuffix('Answer').removesuffix('Fields')}Data"


if __name__ == "__main__":
    main()
