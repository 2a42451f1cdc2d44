"""The client of Meta's Graph hosts: requests as sent, errors as named, usage as reported."""

import gzip
import hashlib
import hmac
import json
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from platforms.errors import (
    NotReadable,
    OutcomeUnknown,
    PlatformError,
    RateLimited,
    Rejected,
    TokenExpired,
    Unavailable,
    UnreadableResponse,
)
from platforms.http import HttpClient
from platforms.instagram.error_catalogue import ERROR_CATALOGUE, failure_reasons, find_meaning
from platforms.instagram.token_responses import read_grant
from platforms.instagram.usage import Usage
from platforms.sandbox.instagram.injected_errors import GENERAL_ERRORS, PUBLISHING_ERRORS
from platforms.secret import Secret
from platforms.vendor_values import read_named_id
from tests.platforms.hostile_server import http_response, set_responses
from tests.platforms.instagram_login_client import graph_error, json_response, make_graph

TOKEN = Secret("EAAcanary123")
PROOF = hmac.new(b"facebooksecret", b"EAAcanary123", hashlib.sha256).hexdigest()


@pytest.fixture
def graph(server):
    return make_graph(server.url, "facebook")


def read_node(graph, token=TOKEN):
    return graph.get("17841", token, endpoint="ig_user_node", params={"fields": "id"})


def error_of(graph, **options):
    with pytest.raises(PlatformError) as error:
        read_node(graph, **options)
    return error.value


def test_the_token_goes_into_a_header_and_the_proof_into_the_parameters(server, graph):
    set_responses(server, json_response(id="17841"))
    assert read_node(graph).body == {"id": "17841"}
    path, _ = server.requests[-1]
    assert path == f"/meta-graph/v26.0/17841?fields=id&appsecret_proof={PROOF}"
    assert server.request_headers[-1]["authorization"] == "Bearer EAAcanary123"


def test_instagram_login_uses_its_own_host_and_sends_no_proof(server):
    graph = make_graph(server.url, "instagram", graph_version="v27.0")
    set_responses(server, json_response(id="1"))
    read_node(graph)
    assert server.requests[-1][0] == "/instagram-graph/v27.0/17841?fields=id"
    assert graph.flavour == "instagram"


def test_what_is_written_goes_into_a_form(server, graph):
    set_responses(server, json_response(id="1"))
    params = {
        "caption": "é #x & y",
        "share_to_feed": False,
        "children": ["1", "2"],
        "user_tags": [{"username": "ada", "x": 0.5}],
        "thumb_offset": 0,
        "cover_url": None,
    }
    graph.post("17841/media", TOKEN, endpoint="container_create", params=params)
    path, body = server.requests[-1]
    assert urlsplit(path).query == ""
    assert dict(parse_qsl(body.decode())) == {
        "caption": "é #x & y",
        "share_to_feed": "false",
        "children": '["1","2"]',
        "user_tags": '[{"username":"ada","x":0.5}]',
        "thumb_offset": "0",
        "appsecret_proof": PROOF,
    }


def test_writing_is_sent_once_and_reading_is_repeated(server, graph):
    set_responses(server, graph_error(500, code=2))
    with pytest.raises(Unavailable):
        graph.post("1/media_publish", TOKEN, endpoint="media_publish")
    assert len(server.requests) == 1
    with pytest.raises(Unavailable):
        read_node(graph)
    assert len(server.requests) == 4


def test_a_change_may_be_answered_without_content(server, graph):
    set_responses(server, b"HTTP/1.1 204 No Content\r\n\r\n")
    assert graph.delete("17841", TOKEN, endpoint="comment_delete").body == {}


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(b'{"id": "17841400000000001"}'),
        b'\xef\xbb\xbf{"id": 17841400000000001, "name": "\xff"}',
        b'{"id": 17841400000000001.0, "x": NaN, "y": 1e999}',
        b'[[{"id": "17841400000000001"}]]',
    ],
    ids=range(4),
)
def test_a_node_is_read_in_whatever_form_it_comes(server, graph, body):
    set_responses(server, http_response(200, body, Content_Type="text/html"))
    assert read_named_id(read_node(graph).body["id"]) == "17841400000000001"


@pytest.mark.parametrize("name", ["access_token", "accessToken"])
def test_a_new_token_is_found_in_another_case(name):
    grant = read_grant({name: "EAAnew", "expiresIn": "5184000.0"})
    assert (grant.access_token, grant.lifetime) == (Secret("EAAnew"), timedelta(days=60))


def test_a_bare_true_is_a_success(server, graph):
    set_responses(server, http_response(200, b"true"))
    answer = graph.delete("me/permissions", TOKEN, endpoint="me_permissions")
    assert answer.body == {"success": True}


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        ({"code": 190, "error_subcode": 463}, TokenExpired, "token_expired"),
        ({"code": "190", "error_subcode": "460"}, TokenExpired, "password_changed"),
        ({"code": 190, "error_subcode": 999}, TokenExpired, "token_invalid"),
        ({"code": 190}, TokenExpired, "token_invalid"),
        ({"code": 102, "error_subcode": 458}, TokenExpired, "app_removed"),
        ({"code": 190, "error_subcode": 492}, TokenExpired, "page_role_lost"),
        ({"code": 10}, Rejected, "permission_missing"),
        ({"code": 210}, Rejected, "permission_missing"),
        ({"code": 100}, Rejected, "invalid_parameter"),
        ({"code": 100, "error_subcode": 33}, NotReadable, "not_readable"),
        ({"code": 100, "is_transient": True}, Unavailable, "server_error"),
        ({"code": 4, "is_transient": True}, RateLimited, "rate_limit_exceeded"),
        ({"code": 4, "error_subcode": 2207051}, OutcomeUnknown, "action_blocked"),
        ({"code": 20, "error_subcode": 1772107}, OutcomeUnknown, "done_without_answer"),
        ({"code": 368}, RateLimited, "blocked_for_policy"),
        ({"code": 1}, Unavailable, "server_error"),
        ({"code": 2}, Unavailable, "platform_unavailable"),
        ({"code": 2500}, Rejected, "unknown_path"),
        ({"code": 80003}, RateLimited, "rate_limit_exceeded"),
        ({"code": 100, "error_subcode": 2207026}, Rejected, "video_format_unsupported"),
        ({"code": 1, "error_subcode": 2207051}, OutcomeUnknown, "action_blocked"),
        ({"code": 100, "error_subcode": 2207999}, Rejected, "invalid_parameter"),
        ({"code": 77777}, Rejected, "platform_refused"),
        ({"code": 77777, "is_transient": "true"}, Unavailable, "server_error"),
        ({}, UnreadableResponse, "INVALID_RESPONSE"),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 403])
def test_code_and_subcode_decide_whatever_the_status_is(server, graph, error, kind, code, status):
    set_responses(server, graph_error(status, **error))
    found = error_of(graph)
    assert (type(found), found.code, found.log_id) == (kind, code, "A1")


def test_the_type_of_an_error_never_means_a_dead_token(server, graph):
    for type_name in ("OAuthException", "IGApiException", "GraphMethodException"):
        set_responses(server, graph_error(401, code=100, type=type_name))
        assert error_of(graph).code == "invalid_parameter"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"<html>all is well</html>", UnreadableResponse),
        (200, b"", UnreadableResponse),
        (200, b"[1, 2]", UnreadableResponse),
        (200, b"[" * 100_000, UnreadableResponse),
        (400, b'{"id": "1"}', UnreadableResponse),
        (401, b"{}", UnreadableResponse),
        (302, b"", UnreadableResponse),
        (502, b"<html>bad gateway</html>", Unavailable),
        (429, b"", RateLimited),
        (400, b'{"error": "text"}', UnreadableResponse),
        (400, b'{"error": {"code": {"a": 1}, "message": 7}}', UnreadableResponse),
    ],
)
def test_a_body_in_none_of_metas_forms_is_unreadable(server, graph, status, body, kind):
    set_responses(server, http_response(status, body))
    assert type(error_of(graph)) is kind


@pytest.mark.parametrize("behaviour", ["truncated", "truncated-json", "html", "reset", "huge"])
def test_a_broken_response_to_a_write_may_have_arrived(server, behaviour):
    graph = make_graph(f"{server.url}/{behaviour}?", "facebook")
    with pytest.raises(Unavailable) as error:
        graph.post("1/media_publish", TOKEN, endpoint="media_publish")
    assert error.value.may_have_arrived
    assert len(server.requests) == 1


def test_a_dripping_response_ends_with_the_time_limit(server):
    graph = make_graph(f"{server.url}/drip-body?", "facebook")
    with pytest.raises(Unavailable) as error:
        graph.post("1/media", TOKEN, endpoint="container_create", timeout=(0.2, 0.3))
    assert error.value.code == "timeout"


def test_a_message_that_quotes_the_token_is_cleaned(server, graph, capsys):
    message = "Malformed access token EAAcanary123 facebooksecret"
    set_responses(server, graph_error(code=190, message=message))
    error = error_of(graph)
    assert str(error) == "Malformed access token *** *** (190)"
    assert "canary" not in repr(error) + repr(graph) + capsys.readouterr().out


def test_usage_is_the_highest_share_of_any_limit(server):
    seen = {}
    graph = make_graph(server.url, "facebook", observe_usage=seen.__setitem__)
    account_usage = {
        "17841": [
            {"type": "instagram", "call_count": 95, "total_time": 20},
            {"type": "ads_insights", "call_count": 100},
        ],
        "555": [{"type": "pages", "call_count": 100, "estimated_time_to_regain_access": 19}],
    }
    headers = {
        "X_App_Usage": json.dumps({"call_count": 28, "total_time": 25, "total_cputime": 25}),
        "X_Business_Use_Case_Usage": json.dumps(account_usage),
    }
    set_responses(server, json_response(200, headers, id="1"))
    assert read_node(graph).usage == Usage(100, timedelta(minutes=19))
    assert seen == {
        None: Usage(28),
        "17841": Usage(95),
        "555": Usage(100, timedelta(minutes=19)),
    }


@pytest.mark.parametrize(
    "value", ["", "x", "[]", "{}", '{"1": {}}', '{"call_count": "many"}', "NaN", "[" * 5000]
)
def test_unreadable_usage_is_not_said(server, graph, value):
    headers = {"X_App_Usage": value, "X_Business_Use_Case_Usage": value}
    set_responses(server, json_response(200, headers, id="1"))
    assert read_node(graph).usage is None


def test_a_limit_is_waited_for_as_long_as_the_platform_says(server, graph):
    entry = {"type": "instagram", "call_count": 100, "estimated_time_to_regain_access": "19"}
    headers = {"X_Business_Use_Case_Usage": json.dumps({"17841": [entry]})}
    set_responses(server, graph_error(400, headers, code=80002))
    assert error_of(graph).retry_after == timedelta(minutes=19)
    set_responses(server, graph_error(code=80002))
    assert error_of(graph).retry_after == timedelta(minutes=15)


def test_an_error_says_that_an_earlier_attempt_may_have_taken_effect(server, graph):
    set_responses(server, graph_error(500, code=1), graph_error(code=100))
    assert error_of(graph).after_server_error


def test_every_error_that_the_sandbox_can_inject_is_in_the_catalogue():
    codes = [key if isinstance(key, tuple) else (key, None) for key in GENERAL_ERRORS]
    codes += [key for key in PUBLISHING_ERRORS if isinstance(key, tuple)]
    missing = [code for code in codes if find_meaning(code) is None]
    assert missing == []


def test_every_meaning_has_one_sentence_and_an_actor():
    reasons = failure_reasons()
    for meaning in ERROR_CATALOGUE.values():
        assert reasons[meaning.code].sentence == meaning.sentence, meaning.code
        assert meaning.sentence.endswith(".")


def test_a_deadline_is_kept_although_the_client_is_shared(server):
    http = HttpClient(timeout=(0.2, 0.3), sleep=lambda _: None)
    graph = make_graph(f"{server.url}/silent?", "facebook", http=http)
    with pytest.raises(Unavailable):
        graph.post("1/media", TOKEN, endpoint="container_create")
    http.close()
