"""Endpoints over the API and the command line: ownership, secrets, validation, deliveries."""

import json

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from app.cli import endpoints
from app.cli.main import cli
from core import outbox
from core.endpoints.endpoints import validate_by_settings
from core.errors import Invalid
from core.jobs.runner import run_jobs
from tests.platforms.hostile_server import hostile_server, http_response, set_responses
from tests.support.endpoint_user import ALL_SCOPES, ENDPOINT_URL, alice, api_client, app

__all__ = ["alice", "api_client", "app"]


@pytest.fixture
def receiver():
    with hostile_server() as server:
        yield server


def create_endpoint(client, url=ENDPOINT_URL, **fields):
    response = client.post("/api/endpoints", json={"url": url, **fields})
    assert response.status_code == 201, response.text
    return response.json["data"]


def deliver_all(container):
    while run_jobs(outbox.DELIVERY_JOB_TYPE, container.database, container.services).claimed:
        pass


def test_a_secret_is_returned_once_and_never_listed(api_client):
    endpoint_data = create_endpoint(
        api_client, events=["post.failed", "post.published"], description="The shop"
    )
    assert endpoint_data["secret"].startswith("whsec_")
    assert endpoint_data["events"] == ["post.published", "post.failed"]
    listed = api_client.get("/api/endpoints")
    (listed_endpoint,) = listed.json["data"]
    assert listed_endpoint == {
        key: value for key, value in endpoint_data.items() if key != "secret"
    }
    assert listed_endpoint["enabled"] is True
    assert "post.published" in listed.json["events"]
    assert endpoint_data["secret"] not in listed.text
    assert api_client.get(f"/api/endpoints/{endpoint_data['id']}").json["data"] == listed_endpoint


def test_with_a_list_of_hosts_an_endpoint_has_to_be_at_one_of_them(app_factory, container):
    restricted = app_factory.create_app(OUTGOING_HOSTS=".shop.example")
    services = restricted.extensions["signalpost"].services
    assert validate_by_settings("https://hooks.shop.example/x", services)
    for url in ("https://shop.example/x", "https://hooks.other.example/shop.example"):
        with pytest.raises(Invalid) as caught:
            validate_by_settings(url, services)
        assert caught.value.details["fields"]["url"].endswith("that the operator allows")
        assert validate_by_settings(url, container.services)


def test_the_database_holds_no_plaintext_secret(api_client, container):
    secret = create_endpoint(api_client)["secret"]
    with container.database.transaction() as session:
        rows = str(session.execute(text("SELECT * FROM endpoint_secrets, audit_log")).all())
    assert secret not in rows
    assert "/hook" not in rows  # a URL may contain a secret


@pytest.mark.parametrize(
    ("fields", "wrong_field"),
    [
        ({}, "url"),
        ({"url": 7}, "url"),
        ({"url": ""}, "url"),
        ({"url": "ftp://host.example.com/"}, "url"),
        ({"url": "https://user:word@host.example.com/"}, "url"),
        ({"url": "https://host.example.com/" + "x" * 2048}, "url"),
        ({"url": ENDPOINT_URL, "events": ["post.exploded"]}, "events"),
        ({"url": ENDPOINT_URL, "events": "post.failed"}, "events"),
        ({"url": ENDPOINT_URL, "description": "x" * 201}, "description"),
        ({"url": ENDPOINT_URL, "description": "\x00"}, "description"),
        ({"url": ENDPOINT_URL, "secret": "whsec_mine"}, "secret"),
    ],
)
def test_a_wrong_field_is_named(api_client, fields, wrong_field):
    response = api_client.post("/api/endpoints", json=fields)
    assert (response.status_code, response.json["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert wrong_field in response.json["error"]["details"]["fields"]
    assert api_client.get("/api/endpoints").json["data"] == []


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://host.example.com/", "https://a.lan/"])
def test_endpoints_on_private_hosts_are_refused_unless_allowed(
    app_factory, alice, make_api_key, url
):
    with_key = {"Authorization": f"Bearer {make_api_key(alice, *ALL_SCOPES)}"}
    strict_client = app_factory.create_app().test_client()
    assert (
        strict_client.post(
            "/api/endpoints", json={"url": ENDPOINT_URL}, headers=with_key
        ).status_code
        == 201
    )
    response = strict_client.post("/api/endpoints", json={"url": url}, headers=with_key)
    assert (response.status_code, [*response.json["error"]["details"]["fields"]]) == (400, ["url"])


def test_changes_are_stored_and_invalid_ones_refused(api_client):
    endpoint_data = create_endpoint(api_client)
    path = f"/api/endpoints/{endpoint_data['id']}"
    changes = {
        "url": ENDPOINT_URL + "2",
        "events": ["post.failed"],
        "description": "x",
        "enabled": False,
    }
    changed = api_client.patch(path, json=changes).json["data"]
    assert {name: changed[name] for name in changes} == changes
    assert changed["disabledCause"] == "by its owner"
    assert api_client.patch(path, json={"enabled": True}).json["data"]["disabledAt"] is None
    assert api_client.patch(path, json={"events": []}).json["data"]["events"] == []
    for wrong in ({"enabled": "yes"}, {"url": "nonsense"}, {"events": ["x"]}, {"id": 7}):
        assert api_client.patch(path, json=wrong).status_code == 400
    assert api_client.get(path).json["data"]["url"] == ENDPOINT_URL + "2"


def test_a_deleted_endpoint_is_not_found(api_client):
    path = f"/api/endpoints/{create_endpoint(api_client)['id']}"
    assert api_client.delete(path).status_code == 200
    responses = (api_client.get(path), api_client.delete(path), api_client.post(path + "/test"))
    assert [response.status_code for response in responses] == [404, 404, 404]


def test_a_rotation_returns_a_new_secret(api_client):
    endpoint_data = create_endpoint(api_client)
    response = api_client.post(f"/api/endpoints/{endpoint_data['id']}/rotate")
    assert response.status_code == 200
    assert response.json["data"]["secret"] not in {endpoint_data["secret"], None}


def test_other_users_find_nothing(api_client, make_user, make_api_client):
    endpoint_data = create_endpoint(api_client)
    delivery = api_client.post(f"/api/endpoints/{endpoint_data['id']}/test").json["data"]["id"]
    bob = make_api_client(make_user("bob@example.org"), *ALL_SCOPES)
    path = f"/api/endpoints/{endpoint_data['id']}"
    responses = [
        bob.get(path),
        bob.patch(path, json={"enabled": False}),
        bob.delete(path),
        bob.post(path + "/rotate"),
        bob.post(path + "/test"),
        bob.get(path + "/deliveries"),
        bob.post(f"/api/deliveries/{delivery}/redeliver"),
        bob.get(f"/api/endpoints/{2**63 - 1}"),
        bob.get(f"/api/endpoints/{2**63}"),
    ]
    assert {response.status_code for response in responses} == {404}
    assert bob.get("/api/endpoints").json["data"] == []


def test_reading_and_changing_need_their_scopes(client, alice, make_api_client, api_client):
    endpoint_data = create_endpoint(api_client)
    path = f"/api/endpoints/{endpoint_data['id']}"
    assert client.get("/api/endpoints").status_code == 401
    reader = make_api_client(alice, "accounts:read", "posts:read")
    assert reader.get(path + "/deliveries").status_code == 200
    for response in (
        reader.post("/api/endpoints", json={"url": ENDPOINT_URL}),
        reader.post(path + "/test"),
        reader.post(path + "/rotate"),
        reader.delete(path),
        make_api_client(alice, "posts:read").get("/api/endpoints"),
    ):
        assert response.status_code == 403


def test_a_browser_needs_its_csrf_token(sign_in, alice):
    browser = sign_in(alice)
    endpoint_data = create_endpoint(browser)
    response = browser.without_csrf_token().post(f"/api/endpoints/{endpoint_data['id']}/rotate")
    assert (response.status_code, response.json["error"]["code"]) == (403, "csrf_detected")


def test_a_test_event_is_delivered_and_its_attempts_can_be_read(api_client, container, receiver):
    set_responses(receiver, http_response(500, b"not yet"), http_response(200, b"thanks"))
    endpoint_data = create_endpoint(api_client, receiver.url + "/hook")
    response = api_client.post(f"/api/endpoints/{endpoint_data['id']}/test")
    assert (response.status_code, response.json["data"]["state"]) == (202, "waiting")
    deliver_all(container)
    path = f"/api/endpoints/{endpoint_data['id']}/deliveries"
    (delivery_data,) = api_client.get(path).json["data"]
    assert (delivery_data["type"], delivery_data["state"], delivery_data["sequence"]) == (
        "endpoint.test",
        "waiting",
        1,
    )
    assert delivery_data["nextTryAt"] is not None
    (attempt,) = delivery_data["tries"]
    assert (attempt["status"], attempt["error"], attempt["answer"]) == (500, "http_500", "not yet")
    redelivery = api_client.post(f"/api/deliveries/{delivery_data['id']}/redeliver")
    assert redelivery.status_code == 202
    deliver_all(container)
    (delivery_data,) = api_client.get(path).json["data"]
    assert (delivery_data["state"], delivery_data["tries"][-1]["answer"]) == ("delivered", "thanks")
    assert {headers["webhook-id"] for headers in receiver.request_headers} == {
        delivery_data["webhookId"]
    }
    assert json.loads(delivery_data["body"])["data"] == {
        "endpoint_id": endpoint_data["id"],
        "sequence": 1,
    }
    assert (
        api_client.get(f"/api/endpoints/{endpoint_data['id']}").json["data"]["lastDeliveredAt"]
        is not None
    )


def test_a_disabled_endpoint_is_not_tested(api_client):
    endpoint_data = create_endpoint(api_client)
    api_client.patch(f"/api/endpoints/{endpoint_data['id']}", json={"enabled": False})
    response = api_client.post(f"/api/endpoints/{endpoint_data['id']}/test")
    assert (response.status_code, response.json["error"]["code"]) == (409, "CONFLICT")


def test_deliveries_are_listed_page_by_page(api_client):
    endpoint_data = create_endpoint(api_client)
    for _ in range(5):
        api_client.post(f"/api/endpoints/{endpoint_data['id']}/test")
    path, cursor, sequences = f"/api/endpoints/{endpoint_data['id']}/deliveries", None, []
    while True:
        page = api_client.get(
            path, query_string={"limit": 2} | ({"cursor": cursor} if cursor else {})
        )
        sequences += [delivery["sequence"] for delivery in page.json["data"]]
        if (cursor := page.json["nextCursor"]) is None:
            break
    assert sequences == [5, 4, 3, 2, 1]
    for wrong in ({"limit": 0}, {"limit": 101}, {"cursor": "x"}, {"cursor": -1}, {"page": 2}):
        assert api_client.get(path, query_string=wrong).status_code == 400


def test_all_operations_exist_as_commands(container, alice, receiver, monkeypatch):
    monkeypatch.setattr(endpoints, "load_container", lambda: container)

    def run_json(*arguments, code=0):
        result = CliRunner().invoke(cli, ["endpoints", *arguments, "--json"])
        assert result.exit_code == code, result.output
        return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]

    (endpoint_data,) = run_json(
        "add", receiver.url + "/hook", "--user", alice.email, "--event", "post.failed"
    )
    endpoint = str(endpoint_data["id"])
    assert endpoint_data["secret"].startswith("whsec_")
    assert run_json("list", "--user", alice.email)[0]["items"][0]["events"] == ["post.failed"]
    assert run_json("rotate", endpoint)[0]["secret"] != endpoint_data["secret"]
    run_json("test", endpoint)
    deliver_all(container)
    (delivery_data,) = run_json("deliveries", endpoint)[0]["items"]
    assert delivery_data["state"] == "delivered"
    run_json("redeliver", str(delivery_data["id"]))
    deliver_all(container)
    assert len(receiver.requests) == 2
    assert run_json("disable", endpoint)[0]["enabled"] is False
    assert run_json("test", endpoint, code=1)[0]["error"]["code"] == "CONFLICT"
    assert run_json("enable", endpoint)[0]["enabled"] is True
    run_json("remove", endpoint, "--yes")
    assert run_json("rotate", endpoint, code=1)[0]["error"]["code"] == "NOT_FOUND"
    run_json("add", "nonsense", "--user", alice.email, code=1)
    run_json("list", "--user", "nobody@example.org", code=1)
