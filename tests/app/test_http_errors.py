"""Error responses: codes, statuses and texts of every error, and invalid requests."""

import json
import math
import re
from datetime import timedelta
from itertools import chain
from pathlib import Path

import pytest
from flask import g
from structlog.testing import capture_logs
from werkzeug.exceptions import NotFound
from werkzeug.test import EnvironBuilder, run_wsgi_app

from app.http import errors, messages
from core.errors import Conflict, CoreError, RateLimitExceeded
from db.identity.users import Users
from platforms.errors import PlatformError, Rejected, Unavailable
from platforms.tiktok.failure_reasons import FAILURE_REASONS

ROOT = Path(__file__).parents[2]
POST_ERROR_CODES = {"upload_url_expired", "outcome_unknown", "dry_run"}
EVENT_ERROR_CODES = {"unreadable", "lease_lost"}
"""Stored with an event, or dropped with a stale lease; never sent to a client."""
CODE_PATTERN = re.compile(r'code(?:: str)? ?= ?"([A-Za-z_]+)"')


def error_classes(root):
    subclasses = [error_classes(subclass) for subclass in root.__subclasses__()]
    return [root, *chain.from_iterable(subclasses)]


def find_error_codes():
    """Return every code that core or app gives to an error or a post."""
    sources = [*(ROOT / "core").rglob("*.py"), *(ROOT / "app").rglob("*.py")]
    return {
        code for path in sources for code in CODE_PATTERN.findall(path.read_text(encoding="utf-8"))
    }


@pytest.mark.parametrize("kind", error_classes(CoreError) + error_classes(PlatformError))
def test_every_kind_of_error_has_a_status(kind):
    assert kind.code in {*errors.ERROR_KINDS, *EVENT_ERROR_CODES}


@pytest.mark.parametrize("locale", messages.LOCALES)
@pytest.mark.parametrize("code", sorted({*errors.ERROR_KINDS, *POST_ERROR_CODES, *FAILURE_REASONS}))
def test_every_code_has_a_message_and_a_suggestion(locale, code):
    texts = messages.load_messages(locale)[code]
    assert texts.message
    assert texts.suggestion


@pytest.mark.parametrize("code", FAILURE_REASONS)
def test_a_platforms_sentence_is_the_english_message_with_its_suggestion(code):
    texts = messages.get_message(code, "en")
    assert FAILURE_REASONS[code].sentence == f"{texts.message} {texts.suggestion}"


@pytest.mark.parametrize("locale", messages.LOCALES)
def test_every_code_in_the_sources_has_a_message(locale):
    assert find_error_codes() - EVENT_ERROR_CODES - messages.load_messages(locale).keys() == set()


def test_every_message_is_translated():
    english, french = (messages.load_messages(locale) for locale in messages.LOCALES)
    assert english.keys() == french.keys()
    assert not [code for code in english if english[code].message == french[code].message]


TIME_WORDS = {
    "en": r"\b(seconds?|minutes?|hours?|moment|tomorrow|later|soon|days?)\b",
    "fr": r"\b(secondes?|minutes?|heures?|instant|demain|plus tard|bientôt|(?<!à )jours?)\b",
}
TEXTS_ABOUT_OTHER_TIMES = {
    *("frame_rate_check_failed", "video_pull_failed", "photo_pull_failed", "thumb_offset_invalid"),
    *("video_pull_failed_of_pictures", "photo_pull_failed_of_videos"),
    *("video_duration_unsupported", "video_format_unsupported", "data_access_expired"),
    *("container_expired", "container_not_ready", "publishing_limit_reached", "sign_in_paused"),
    *("media_server_error", "INSUFFICIENT_STORAGE"),
}
"""Limits of media and facts about the past: not how long to wait before the next request."""


@pytest.mark.parametrize("locale", messages.LOCALES)
def test_no_sentence_states_a_time_to_wait_of_its_own(locale):
    """It might contradict the `retryAfter` beside it: the words are made from that figure."""
    faults = []
    for code in errors.ERROR_KINDS:
        suggestion = messages.load_messages(locale)[code].suggestion
        plain = messages.WAIT_PATTERN.sub("", suggestion)
        if re.search(TIME_WORDS[locale], plain) and code not in TEXTS_ABOUT_OTHER_TIMES:
            faults.append(f"{code}: {suggestion}")
    assert faults == []


@pytest.mark.parametrize(
    ("wait", "words"),
    [
        (0.2, "1 second"),
        (45, "45 seconds"),
        (60, "1 minute"),
        (90, "90 seconds"),
        (600, "10 minutes"),
        (3600, "1 hour"),
        (3601, "61 minutes"),
        (86_400, "1 day"),
        (30 * 3600, "30 hours"),
    ],
)
def test_the_words_of_a_refusal_agree_with_the_time_to_wait(app, wait, words):
    error = RateLimitExceeded(retry_after=timedelta(seconds=wait))
    with app.test_request_context():
        g.request_id = "a-request-id"
        problem = errors.build_problem(error)
    assert problem.suggestion == f"Try again in {words}; what is queued goes on by itself."
    assert problem.retry_after == math.ceil(wait)


def test_without_a_time_to_wait_the_words_of_the_text_stand():
    assert "in a minute;" in messages.get_message("rate_limit_exceeded", "en").suggestion
    assert "dans une minute ;" in messages.get_message("rate_limit_exceeded", "fr").suggestion


def test_published_codes_keep_their_status():
    for code, status in {
        "quota_exceeded": 429,
        "disconnect_failed": 500,
        "not_connected": 403,
        "invalid_publish_id": 404,
        "timeout": 504,
        "webhook_not_configured": 503,
        "IDEMPOTENCY_MISMATCH": 422,
        "oauth_not_configured": 500,
        "invalid_state": 403,
    }.items():
        assert errors.ERROR_KINDS[code].status == status


def test_an_unknown_code_of_a_vendor_is_not_sent():
    error = Rejected("no", code="brand_new_code")
    assert errors.get_error_code(error) == "invalid_param"


def test_an_unknown_path_is_answered_with_the_error_envelope(client):
    response = client.get("/api/nothing")
    assert response.status_code == 404
    assert response.json["success"] is False
    error = response.json["error"]
    assert error["code"] == "NOT_FOUND"
    assert error["retryable"] is False
    assert error["requestId"] == response.headers["X-Request-Id"]


def test_a_wrong_method_is_answered_with_the_allowed_ones(client):
    response = client.delete("/api/auth/me")
    assert response.status_code == 405
    assert response.json["error"]["code"] == "METHOD_NOT_ALLOWED"
    assert "GET" in response.headers["Allow"]


def test_messages_are_french_if_the_browser_asks_for_it(client):
    headers = {"Accept-Language": "fr-CA,fr;q=0.9,en;q=0.5"}
    response = client.get("/api/auth/me", headers=headers)
    assert response.json["error"]["userMessage"] == "Vous n'êtes pas connecté."


def test_messages_are_in_the_users_language_if_the_browser_names_none(
    app, container, make_user, sign_in
):
    alice = make_user()
    browser = sign_in(alice)
    with container.database.transaction() as session:
        Users(session).get(alice.id).locale = "fr"
    response = browser.get("/api/nothing")
    assert response.json["error"]["userMessage"] == messages.get_message("NOT_FOUND", "fr").message


@pytest.mark.parametrize(
    "raised",
    [RuntimeError("password=hunter2"), Unavailable("down"), Conflict("so")],
)
def test_any_exception_is_answered_with_the_envelope_without_internal_text(app_factory, raised):
    app = app_factory.create_extensible_app()

    @app.get("/api/trouble")
    def trouble():
        raise raised

    response = app.test_client().get("/api/trouble")
    assert response.json["error"]["code"] == errors.get_error_code(raised)
    assert response.status_code == errors.ERROR_KINDS[errors.get_error_code(raised)].status
    assert "hunter2" not in response.text


def test_while_postgres_is_unavailable_answers_carry_a_retry_time(app_factory):
    client = app_factory.create_app(
        DATABASE_URL="postgresql://nobody@127.0.0.1:1/none"
    ).test_client()
    response = client.get("/api/auth/me", headers={"Authorization": "Bearer sp_12345678_x"})
    assert response.status_code == 503
    assert response.json["error"]["code"] == "SERVICE_UNAVAILABLE"
    assert response.headers["Retry-After"] == str(response.json["error"]["retryAfter"]) == "2"


LOGIN_ROUTE = "/api/auth/login"


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("{", "application/json", 400),
        ("[]", "application/json", 400),
        ("NaN", "application/json", 400),
        ("[" * 100_000, "application/json", 413),
        ("[" * 60_000, "application/json", 400),
        ("\xff", "application/json", 400),
        ("a=b", "application/x-www-form-urlencoded", 415),
        ("{}", "text/plain", 415),
        ('{"email": "a", "password": "b", "more": 1}', "application/json", 400),
        ('{"email": "a\\u0000", "password": "b"}', "application/json", 400),
        ('{"email": "\\ud800", "password": "b"}', "application/json", 400),
        (json.dumps({"email": "a" * 70_000, "password": "b"}), "application/json", 413),
    ],
)
def test_an_invalid_body_is_refused_with_the_envelope(client, body, content_type, status):
    response = client.post(LOGIN_ROUTE, data=body.encode("latin-1"), content_type=content_type)
    assert response.status_code == status
    assert response.json["error"]["code"] in errors.ERROR_KINDS


def test_a_body_without_a_length_is_measured_as_it_comes(app):
    body = json.dumps({"email": "a" * 70_000, "password": "b"}).encode()
    environ = EnvironBuilder(path=LOGIN_ROUTE, method="POST", data=body).get_environ()
    environ |= {"CONTENT_TYPE": "application/json", "wsgi.input_terminated": True}
    environ.pop("CONTENT_LENGTH")
    _, status, _ = run_wsgi_app(app, environ)
    assert status.startswith("413")


def test_wrong_fields_are_named_and_not_quoted(client):
    response = client.post(LOGIN_ROUTE, json={"email": 7, "pass": "hunter2"})
    assert response.json["error"]["code"] == "VALIDATION_ERROR"
    assert response.json["error"]["details"]["fields"].keys() == {"email", "password", "pass"}
    assert "hunter2" not in response.text


def test_a_nul_byte_in_the_url_is_refused_with_400(client):
    assert client.get("/api/nothing%00").status_code == 400
    assert client.get("/api/auth/me?x=%00").status_code == 400


def test_an_id_larger_than_a_bigint_is_not_found(signed_in_client):
    response = signed_in_client.delete(f"/api/keys/{2**63}")
    assert response.status_code == 404
    assert signed_in_client.delete(f"/api/keys/{2**63 - 1}").status_code == 404


@pytest.mark.parametrize("number", [2**63, 10**30])
def test_no_method_of_any_route_knows_an_id_that_is_too_large(app, number):
    """For each method, because another one on the same path would make it a 405."""
    adapter = app.url_map.bind("127.0.0.1")
    rules = [rule for rule in app.url_map.iter_rules() if "<int:" in rule.rule]
    assert len(rules) > 30
    for rule in rules:
        path = re.sub(r"<int:\w+>", str(number), rule.rule)
        path = re.sub(r"<[^>]+>", "tiktok", path)
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
            with pytest.raises(NotFound):
                adapter.match(path, method)


@pytest.mark.parametrize("name", ["X-Request-Id", "X-Correlation-Id"])
def test_a_clients_request_id_is_kept_and_returned_in_both_headers(client, name):
    response = client.get("/healthz", headers={name: "abc.DEF-123_4"})
    assert (
        response.headers["X-Request-Id"] == response.headers["X-Correlation-Id"] == "abc.DEF-123_4"
    )
    assert int(response.headers["X-Duration-Ms"]) >= 0


@pytest.mark.parametrize("sent", ["short", "x" * 129, "white space", "a;drop-table"])
def test_a_malformed_request_id_is_replaced(client, sent):
    response = client.get("/healthz", headers={"X-Request-Id": sent})
    assert re.fullmatch(r"[A-Za-z0-9._-]{8,128}", response.headers["X-Request-Id"])
    assert response.headers["X-Request-Id"] != sent


def test_json_times_are_written_with_a_z(signed_in_client):
    created = signed_in_client.post("/api/keys", json={"name": "n", "scopes": ["posts:read"]})
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", created.json["data"]["createdAt"])


def test_a_link_that_opens_a_file_is_logged_without_its_token(client):
    with capture_logs() as lines:
        client.get("/m/secret-canary/video.mp4")
        client.get("/api/nothing?code=secret-canary")
    assert [line["path"] for line in lines if line["event"] == "request"] == [
        "/m/<token>/<name>",
        "/api/nothing",
    ]
    assert "secret-canary" not in str(lines)


def test_a_client_cannot_create_metric_labels(client):
    client.open("/api/nothing", method="INVENTED")
    assert "INVENTED" not in client.get("/metrics").text
