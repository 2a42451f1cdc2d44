import re

import pytest

from app.http.errors import ERROR_KINDS

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
    "GET /api/posts",
    "POST /api/posts/{post_id}/retry",
    "POST /api/media",
    "PATCH /api/media/{media_id}",
    "OPTIONS /api/media",
    "GET /m/{token}/{name}",
    "GET /api/notifications",
    "POST /api/workers/webhooks",
    "POST /api/workers/token-refresh",
    "POST /api/workers/tiktok-insights",
    "GET /api/admin/config",
    "GET /healthz",
    "GET /readyz",
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


def test_what_the_contract_promises_is_described(openapi_document):
    assert (
        set(PROMISED_OPERATIONS) - {name for name, _ in list_operations(openapi_document)} == set()
    )


def test_every_operation_says_what_it_does_and_has_a_name_of_its_own(openapi_document):
    found = dict(list_operations(openapi_document))
    assert [name for name, operation in found.items() if not operation["summary"]] == []
    names = [operation["operationId"] for operation in found.values()]
    assert len(set(names)) == len(names)


def test_every_place_in_a_path_is_a_parameter(openapi_document):
    for name, operation in list_operations(openapi_document):
        told = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
        assert told == set(re.findall(r"{(\w+)}", name)), name


def test_every_reference_leads_somewhere(client, openapi_document):
    text = client.get("/openapi.json").text
    for name in re.findall(r'"#/components/schemas/([^"]+)"', text):
        assert name in openapi_document["components"]["schemas"]


def test_bodies_are_described_as_they_are_read(openapi_document):
    operation = openapi_document["paths"]["/api/keys"]["post"]
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    schema = openapi_document["components"]["schemas"][reference.rpartition("/")[2]]
    assert schema["required"] == ["name", "scopes"]
    assert "expiresAt" in schema["properties"]
    assert schema["additionalProperties"] is False


def test_what_is_guarded_says_so(openapi_document):
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
