"""The Python client has a method for every operation that the API describes, with all its fields.

If this fails after a change of the API: write the types again (`clients/generate_types.py`), and
add the method or the argument in `clients/python/signalpost_client`.
"""

import ast
import copy
import inspect
import operator
import re
import types
from datetime import UTC, datetime
from pathlib import Path
from typing import get_type_hints
from uuid import UUID

import pytest

from app.http.errors import ERROR_KINDS
from app.pages.reference.samples import CLIENT_EXAMPLE
from clients.generate_types import (
    SKIPPED_OPERATIONS,
    TYPES_FILE,
    is_skipped,
    iter_operations,
    write_types,
)
from platforms.registry import PLATFORMS
from signalpost_client import ApiError, Client, MetricRange, PagedList
from signalpost_client.errors import find_error_class
from signalpost_client.posts import PostContent
from tests.support.described_server import DescribedServer

GROUP_ID = UUID("7d4c1f5e-7a3d-4a3e-9d5c-0d5f1f4a9b11")
MOMENT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
VALUES = {
    "group_id": GROUP_ID,
    "draft_id": GROUP_ID,
    "part": MetricRange("views", MOMENT, MOMENT, "day", 7),
    "queued": "hold",
    "on_progress": lambda *_: None,
    "payload": {},
    "settings": {},
    "ids": [7],
    "events": ["post.published"],
    "scopes": ["posts:read"],
    "publish_at": MOMENT,
    "since": MOMENT,
    "discarded_at": MOMENT,
    "until": MOMENT,
    "expires_at": MOMENT,
    "media": [7],
    "options": {},
}
"""Arguments whose name does not say enough of their type."""

EXAMPLE_FILES = ("README.md", "clients/python/README.md", "docs/host-applications.md")
ROOT = TYPES_FILE.parents[3]
EXAMPLE_TEXTS = (
    *((ROOT / path).read_text() for path in EXAMPLE_FILES),
    f"```python\n{CLIENT_EXAMPLE}```",
)

NOT_SENT_BY_KEYS = {"X-Worker-Secret"}


@pytest.fixture
def openapi_document(client):
    return client.get("/openapi.json").json


def list_resources(client):
    for name, resource in vars(client).items():
        if name != "transport":
            yield resource
    yield client.operator.events


def list_methods(client):
    for resource in list_resources(client):
        for name, method in inspect.getmembers(resource, inspect.ismethod):
            if not name.startswith("_"):
                yield method


def build_arguments(method, platform, file):
    hints = get_type_hints(method)
    arguments = {}
    for name, parameter in inspect.signature(method).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            content = PostContent.__annotations__
            arguments |= {each: choose_value(each, str, platform, file) for each in content}
            arguments |= {"account_id": 7, "destination_id": 7}
            arguments["kind"] = next(iter(PLATFORMS[platform].kinds))
        else:
            arguments[name] = choose_value(name, hints[name], platform, file)
    return arguments


def choose_value(name, kind, platform, file):
    contents = [{"platform": platform, "text": "a"}]
    special = {**VALUES, "platform": platform, "file": file, "contents": contents}
    if name in special:
        return special[name]
    kinds = kind.__args__ if isinstance(kind, types.UnionType) else (kind,)
    return {bool: True, int: 7, float: 1.0, str: "text"}[kinds[0]]


def use_every_method(document, folder):
    """Call every method with every argument. Return what was used, and which calls failed."""
    server = DescribedServer(document)
    client = Client("http://signalpost.test", "sp_key", session=server.open_session())
    file = Path(folder, "a.mp4")
    file.write_bytes(b"0123456789")
    failures = []
    for method in list_methods(client):
        errors = [call_method(method, build_arguments(method, each, file)) for each in PLATFORMS]
        if None not in errors:
            failures.append(f"{method.__qualname__}: {errors[0]}")
    return server.used, failures


def call_method(method, arguments):
    try:
        result = method(**arguments)
        if isinstance(result, PagedList):
            result.fetch_page(cursor="7")
        elif inspect.isgenerator(result):
            next(result)
    except ApiError as error:
        return error
    return None


def find_differences(document, folder):
    """What the client does otherwise than the document says, in sentences."""
    used, failures = use_every_method(document, folder)
    described = dict(iter_operations(document))
    problems = [*failures]
    skipped = {name for name, each in described.items() if is_skipped(name, each)}
    problems += [f"no method: {each}" for each in described.keys() - used - skipped]
    problems += [f"skipped and used: {each}" for each in used.keys() & skipped]
    obsolete = SKIPPED_OPERATIONS.keys() - described.keys()
    problems += [f"skipped and not described: {each}" for each in obsolete]
    for name, use in used.items():
        parameters = {
            each["name"] for each in described[name]["parameters"] if each["in"] != "path"
        }
        for missing in parameters - use.parameters - NOT_SENT_BY_KEYS:
            problems.append(f"{name}: no argument for {missing}")
        for missing in list_body_fields(document, described[name]) - use.fields:
            problems.append(f"{name}: no argument for the field {missing}")
    return sorted(problems)


def list_body_fields(document, described):
    content = described.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = content.get("schema", {})
    references = [each["$ref"] for each in schema.get("oneOf", [schema]) if "$ref" in each]
    schemas = [document["components"]["schemas"][each.rpartition("/")[2]] for each in references]
    return {name for each in schemas for name in each.get("properties", {})}


def test_every_operation_has_a_method_with_all_its_parameters(openapi_document, tmp_path):
    assert find_differences(openapi_document, tmp_path) == []


def test_a_new_operation_parameter_or_field_would_be_noticed(openapi_document, tmp_path):
    document = copy.deepcopy(openapi_document)
    document["paths"]["/api/new"] = {"get": document["paths"]["/api/platforms"]["get"]}
    posts = document["paths"]["/api/posts"]["get"]
    posts["parameters"].append({"name": "newest", "in": "query", "schema": {"type": "string"}})
    document["components"]["schemas"]["ReplyBody"]["properties"]["tone"] = {"type": "string"}
    del document["paths"]["/api/drafts"]

    problems = find_differences(document, tmp_path)

    assert [each for each in problems if "DraftsApi.list" in each]
    assert {
        "no method: GET /api/new",
        "GET /api/posts: no argument for newest",
        "POST /api/instagram/comments/{comment_id}/reply: no argument for the field tone",
    } <= set(problems)


def test_the_types_of_the_client_are_those_of_the_description(openapi_document):
    assert TYPES_FILE.read_text() == write_types(openapi_document)


def test_the_examples_of_the_documents_call_what_there_is():
    client = Client("http://signalpost.test", "sp_key")
    calls = [call for text in EXAMPLE_TEXTS for call in list_client_calls(text)]
    assert len(calls) > 10
    for path, keywords in calls:
        method = operator.attrgetter(path)(client)
        parameters = inspect.signature(method).parameters
        known = (
            {*parameters, *PostContent.__annotations__} if "content" in parameters else parameters
        )
        assert set(keywords) <= set(known), path


def list_client_calls(text):
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("client."):
                path = ast.unparse(node.func).removeprefix("client.").split("(")[0]
                yield path, [each.arg for each in node.keywords]


def test_every_error_code_has_an_exception_class():
    classes = {code: find_error_class(code, kind.status) for code, kind in ERROR_KINDS.items()}
    assert [code for code, each in classes.items() if each is ApiError] == []
