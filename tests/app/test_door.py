"""Signed deliveries have a door of their own, and nobody outside can tell."""

import pytest
from structlog.testing import capture_logs

from app import door
from tests.tiktok_sender import ADDRESS, Sender, an_envelope

PRODUCTION = {
    "ENVIRONMENT": "production",
    "PUBLIC_URL": "https://post.example.org",
    "TIKTOK_REDIRECT_URI": "https://post.example.org/api/auth/tiktok/callback",
    "TRUSTED_PROXY_COUNT": "1",
}
OF_THIS_ANSWER = {"X-Request-Id", "X-Correlation-Id", "X-Duration-Ms", "Content-Length", "Allow"}


def told(answer):
    rest = {name: value for name, value in answer.headers.items() if name not in OF_THIS_ANSWER}
    return {name: value for name, value in rest.items() if not name.startswith("X-RateLimit-")}


def test_every_route_below_its_path_is_behind_the_door(app, house):
    def rules(application):
        found = application.url_map.iter_rules()
        return {(rule.rule, rule.endpoint) for rule in found if rule.rule.startswith(door.PATH)}

    assert rules(app) == rules(door.opened(house)) != set()


@pytest.mark.parametrize("path", ["", "tiktok/more", "tiktok/", "../healthz"])
def test_what_is_nowhere_below_its_path_is_a_404_in_the_envelope(client, path):
    answer = client.post(door.PATH + path)
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "NOT_FOUND")
    assert answer.json["error"]["requestId"] == answer.headers["X-Request-Id"]


def test_it_tells_browsers_what_every_other_answer_tells_them(client):
    inside, outside = client.get(ADDRESS), client.delete("/api/platforms")
    assert inside.status_code == outside.status_code == 405
    assert told(inside) == told(outside)
    assert told(inside)["X-Content-Type-Options"] == "nosniff"


def test_an_id_that_comes_along_is_kept(client):
    answer = client.post(ADDRESS, headers={"X-Request-Id": "a-request-of-theirs"})
    assert answer.headers["X-Request-Id"] == "a-request-of-theirs"


def test_no_cookie_is_read_or_set(client):
    client.set_cookie("signalpost_session", "whatever")
    client.set_cookie("signalpost_csrf", "whatever")
    answer = Sender(client).send(an_envelope())
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert "Cookie" not in answer.headers.get("Vary", "")


def test_only_who_is_refused_gets_a_line_of_their_own(client):
    with capture_logs() as lines:
        assert Sender(client).send(an_envelope()).status_code == 200
        assert client.post(ADDRESS, data=b"unsigned").status_code == 401
    assert [(line["event"], line.get("status")) for line in lines if "status" in line] == [
        ("request", 401)
    ]


def test_in_production_nothing_is_taken_in_the_clear(stage):
    client = stage.house(**PRODUCTION).test_client()
    clear = Sender(client).send(an_envelope())
    assert (clear.status_code, clear.json["error"]["code"]) == (403, "FORBIDDEN")
    sealed = Sender(client).send(an_envelope(), headers={"X-Forwarded-Proto": "https"})
    assert sealed.status_code == 200
    assert "Strict-Transport-Security" in sealed.headers


def test_an_address_with_a_nul_is_unusable(client):
    answer = client.get(ADDRESS + "?challenge=%00")
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "VALIDATION_ERROR")
