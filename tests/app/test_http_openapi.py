"""The API description: complete, resolvable, and the same on its page."""

import html
import re
from concurrent.futures import ThreadPoolExecutor

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from app.api.answers.table import ANSWERS
from app.api.openapi import encode_document
from app.api.operations import iter_operations
from app.http.errors import ERROR_KINDS, OAUTH_ERRORS
from app.http.messages import load_messages
from platforms.registry import PLATFORMS


@pytest.fixture
def openapi_document(client):
    return client.get("/openapi.json").json


def list_operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


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


def test_every_route_below_the_api_is_described(app, openapi_document):
    described = {re.sub(r"{\w+}", "{}", path) for path in openapi_document["paths"]}
    prefixes = ("/api/", "/healthz", "/readyz", "/statusz", "/metrics", "/openapi.json", "/m/")
    rules = {rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith(prefixes)}
    routes = {re.sub(r"<[^<>]+>", "{}", rule) for rule in rules}
    assert routes - described == set()


def test_every_operation_says_what_it_answers(openapi_document):
    """Each success has an example that its schema allows, unless it has no JSON."""
    for name, operation in list_operations(openapi_document):
        successes = [
            response for status, response in operation["responses"].items() if status[0] in "23"
        ]
        assert successes, name
        for response in successes:
            content = response.get("content", {}).get("application/json")
            if content is not None:
                assert content["schema"], name
                check_example(openapi_document, content["schema"], content["example"], name)


def test_every_example_of_a_body_is_allowed_by_its_schema(openapi_document):
    for name, operation in list_operations(openapi_document):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        if "example" in content:
            check_example(openapi_document, content["schema"], content["example"], name)


def test_an_example_that_lacks_a_field_is_noticed(openapi_document):
    schema = {"$ref": "#/components/schemas/NewKey"}
    with pytest.raises(AssertionError):
        check_example(openapi_document, schema, {"name": "a"}, "")


def check_example(document, schema, example, name):
    validator = jsonschema_rs.validator_for({**schema, "components": document["components"]})
    assert [fault.message for fault in validator.iter_errors(example)] == [], name


def test_every_operation_names_its_errors_with_examples(openapi_document):
    codes = set()
    for name, operation in list_operations(openapi_document):
        errors = {status: each for status, each in operation["responses"].items() if status >= "4"}
        assert {"400", "500", "503"} <= errors.keys(), name
        for status, response in errors.items():
            examples = response["content"].get("application/json", {}).get("examples", {})
            codes |= examples.keys()
            for code in examples:
                is_usual = ERROR_KINDS[code].status == int(status)
                assert is_usual or status in {"412", "416"}, (name, code)
    assert set(openapi_document["components"]["examples"]) == set(ERROR_KINDS)
    # Those of a connection come as codes in the address that the browser is sent to.
    assert set(ERROR_KINDS) - codes - set(OAUTH_ERRORS) == set()


def test_operations_that_need_a_sign_in_name_its_errors(openapi_document):
    for name, operation in list_operations(openapi_document):
        if operation["security"]:
            assert {"401", "403"} <= operation["responses"].keys(), name


def test_every_operation_belongs_to_one_described_group(openapi_document):
    names = {tag["name"] for tag in openapi_document["tags"]}
    used = {tag for _, operation in list_operations(openapi_document) for tag in operation["tags"]}
    assert used == names


def test_lists_describe_their_pages(openapi_document):
    for name, operation in list_operations(openapi_document):
        parameters = {each["name"] for each in operation["parameters"]}
        assert ("cursor" in parameters) == ("limit" in parameters), name
        if "cursor" in parameters:
            example = operation["responses"]["200"]["content"]["application/json"]["example"]
            assert {"nextCursor", "next_cursor"} & example.keys(), name


def test_every_view_has_an_answer_and_no_answer_is_left_over(app):
    own_paths = {route.path for each in PLATFORMS.values() for route in each.seed_paths.routes}
    with app.app_context():
        names = {each.view_name: each.rule.rule for each in iter_operations()}
    assert set(ANSWERS) - names.keys() == set()
    others = {name for name, path in names.items() if path not in own_paths}
    assert others - set(ANSWERS) == set()


def test_the_document_is_valid_openapi(openapi_document):
    """By the meta-schema of OpenAPI 3.1, which schemathesis carries."""
    OPENAPI_31_VALIDATOR.validate(openapi_document)
    faulty = {**openapi_document, "paths": {"/a": {"get": {"responses": 1}}}}
    with pytest.raises(jsonschema_rs.ValidationError):
        OPENAPI_31_VALIDATOR.validate(faulty)


def test_the_pages_list_every_operation_and_every_error_code(client, openapi_document):
    index = client.get("/docs").text
    for name, operation in list_operations(openapi_document):
        assert f"<code>{name.partition(' ')[2]}</code>" in index
        address = f"/docs/{operation['tags'][0]}/{operation['operationId']}"
        assert f'href="{address}"' in index
        page = client.get(address).text
        assert operation["summary"] in html.unescape(page)
        assert "curl" in page
    page = client.get("/docs/errors").text
    for code in {*ERROR_KINDS, *load_messages("en")}:
        assert f'<li id="{code}"' in page
    for tag in openapi_document["tags"]:
        page = client.get(f"/docs/{tag['name']}").text
        operations = [
            operation
            for _, operation in list_operations(openapi_document)
            if tag["name"] in operation["tags"]
        ]
        assert all(f'id="{each["operationId"]}"' in page for each in operations)
    for path in ("/docs/no-such-group", "/docs/posts/no-such-operation"):
        assert client.get(path).status_code == 404


def test_the_description_is_built_once_and_has_an_etag(client):
    first, second = (client.get("/openapi.json") for _ in range(2))
    assert first.data == second.data
    known = client.get("/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (known.status_code, known.data) == (304, b"")


def test_simultaneous_first_requests_build_the_description_once(app):
    def encode_in_thread(_):
        with app.app_context():
            return encode_document()

    with ThreadPoolExecutor(8) as threads:
        documents = list(threads.map(encode_in_thread, range(8)))
    assert len({id(document) for document in documents}) == 1
