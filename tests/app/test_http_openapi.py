"""The API description: complete, resolvable, and the same on its page."""

import re

import pytest

from app.http.errors import ERROR_KINDS
from platforms.registry import PLATFORMS

PROMISED_OPERATIONS = [
    "POST /api/auth/login",
    "GET /api/auth/me",
    "GET /api/auth/{platform}",
    "GET /api/auth/{platform}/callback",
    "POST /api/keys",
    "DELETE /api/keys/{key_id}",
    "GET /api/platforms",
    "POST /api/platforms/{platform}/disconnect",
    "POST /api/tiktok/upload",
    "GET /api/tiktok/status/{publish_id}",
    "GET /api/tiktok/posts",
    "GET /api/tiktok/quota",
    "GET /api/tiktok/videos",
    "GET /api/tiktok/insights",
    "GET /api/instagram/media",
    "GET /api/instagram/insights",
    "GET /api/instagram/comments",
    "POST /api/instagram/comments/{comment_id}/hide",
    "POST /api/instagram/comments/{comment_id}/handled",
    "POST /api/instagram/comments/{comment_id}/reply",
    "DELETE /api/instagram/comments/{comment_id}",
    "GET /api/instagram/locations",
    "GET /api/posts",
    "POST /api/posts",
    "GET /api/{platform}/quota",
    "POST /api/instagram/publish",
    "GET /api/instagram/publish/{post_id}",
    "POST /api/posts/{post_id}/retry",
    "POST /api/media",
    "PATCH /api/media/{media_id}",
    "OPTIONS /api/media",
    "GET /m/{token}/{name}",
    "GET /api/notifications",
    "POST /api/workers/webhooks",
    "POST /api/workers/token-refresh",
    "POST /api/workers/tiktok-insights",
    "POST /api/workers/instagram-insights",
    "GET /api/admin/config",
    "GET /healthz",
    "GET /readyz",
    "GET /statusz",
    "GET /metrics",
    "GET /openapi.json",
    "GET /docs",
]


@pytest.fixture
def openapi_document(client):
    return client.get("/openapi.json").json


def list_operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_all_promised_operations_are_described(openapi_document):
    assert (
        set(PROMISED_OPERATIONS) - {name for name, _ in list_operations(openapi_document)} == set()
    )


def test_every_operation_has_a_summary_and_a_unique_id(openapi_document):
    operations = dict(list_operations(openapi_document))
    assert [name for name, operation in operations.items() if not operation["summary"]] == []
    names = [operation["operationId"] for operation in operations.values()]
    assert len(set(names)) == len(names)


def test_every_placeholder_in_a_path_is_a_parameter(openapi_document):
    for name, operation in list_operations(openapi_document):
        described = {
            parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"
        }
        assert described == set(re.findall(r"{(\w+)}", name)), name


def test_every_reference_can_be_resolved(client, openapi_document):
    text = client.get("/openapi.json").text
    for name in re.findall(r'"#/components/schemas/([^"]+)"', text):
        assert name in openapi_document["components"]["schemas"]


def test_bodies_are_described_by_their_models(openapi_document):
    operation = openapi_document["paths"]["/api/keys"]["post"]
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    schema = openapi_document["components"]["schemas"][reference.rpartition("/")[2]]
    assert schema["required"] == ["name", "scopes"]
    assert "expiresAt" in schema["properties"]
    assert schema["additionalProperties"] is False


def test_a_post_is_described_for_each_platform(openapi_document):
    operation = openapi_document["paths"]["/api/posts"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    mapping = schema["discriminator"]["mapping"]
    assert set(mapping) == set(PLATFORMS)
    assert [each["$ref"] for each in schema["oneOf"]] == list(mapping.values())
    for name, reference in mapping.items():
        described = openapi_document["components"]["schemas"][reference.rpartition("/")[2]]
        assert described["properties"]["platform"]["const"] == name
        assert described["properties"]["options"]["$ref"].endswith("Options")


def test_queries_are_described_by_their_models(openapi_document):
    operation = openapi_document["paths"]["/api/posts"]["get"]
    names = {
        parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "query"
    }
    assert names == {
        "platform",
        "state",
        "account_id",
        "group_id",
        "from",
        "to",
        "q",
        "limit",
        "cursor",
    }


def test_required_scopes_are_described(openapi_document):
    assert openapi_document["paths"]["/api/tiktok/upload"]["post"]["security"][0] == {
        "key": ["posts:write"]
    }
    assert openapi_document["paths"]["/healthz"]["get"]["security"] == []


def test_the_page_lists_every_endpoint_and_every_error_code(client, openapi_document):
    page = client.get("/docs").text
    for path in openapi_document["paths"]:
        assert f"<code>{path}</code>" in page
    for code in ERROR_KINDS:
        assert f"<code>{code}</code>" in page
    assert "<script" not in page


def test_the_description_is_built_once_and_has_an_etag(client):
    first, second = (client.get("/openapi.json") for _ in range(2))
    assert first.data == second.data
    known = client.get("/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (known.status_code, known.data) == (304, b"")
