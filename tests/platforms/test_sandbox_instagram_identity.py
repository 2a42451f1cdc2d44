"""Who a token is at the sandbox: nodes, Pages, permissions, versions and removed features."""

import hmac
import json
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.platforms.raw_instagram_client import (
    FACEBOOK_APP,
    FACEBOOK_SECRET,
    INSTAGRAM_GRAPH,
    INSTAGRAM_SECRET,
)
from tests.platforms.raw_sandbox_client import JSON_HEADERS

PROFILE = "user_id,username,name,account_type,profile_picture_url,followers_count,follows_count,media_count,biography,website,id"  # noqa: E501 - as Meta's SDK asks
ACCOUNT_EXPANSION = (
    "instagram_business_account{id,username,name,profile_picture_url,followers_count,media_count}"
)


@pytest.fixture
def facebook(instagram_sandbox):
    return instagram_sandbox.connect_facebook()


@pytest.fixture
def instagram(instagram_sandbox):
    return instagram_sandbox.connect_instagram({"account_type": "MEDIA_CREATOR"})


def test_instagrams_me_has_two_different_ids(instagram_sandbox, instagram):
    me = instagram_sandbox.graph("GET", "/me", instagram.token, INSTAGRAM_GRAPH, fields=PROFILE)
    assert me.result["user_id"] == instagram.account_id
    assert me.result["id"] != instagram.account_id
    assert me.result["account_type"] == "MEDIA_CREATOR"
    assert me.result["media_count"] == 0
    assert "biography" not in me.result


def test_instagrams_node_is_reached_by_its_professional_id_alone(instagram_sandbox, instagram):
    def read(node_id):
        return instagram_sandbox.graph("GET", f"/{node_id}", instagram.token, INSTAGRAM_GRAPH)

    app_scoped_id = read("me").result["id"]
    assert read(instagram.account_id).result == {"id": app_scoped_id}
    assert read(app_scoped_id).error == (400, 100, 33)
    assert read("17841400000000001").error == (400, 100, 33)


@pytest.mark.parametrize("name", ["ig_id", "account_types", "instagram_business_account"])
def test_one_field_of_another_login_fails_the_request(instagram_sandbox, instagram, name):
    answer = instagram_sandbox.graph(
        "GET", "/me", instagram.token, INSTAGRAM_GRAPH, fields=f"username,{name}"
    )
    assert answer.error == (400, 100, None)
    assert f"nonexisting field ({name})" in answer.json["error"]["message"]


def test_facebooks_account_has_no_type(instagram_sandbox, facebook):
    path = f"/{facebook.account_id}"
    fields = "id,username,followers_count"
    account = instagram_sandbox.graph("GET", path, facebook.token, fields=fields).result
    assert account["id"] == facebook.account_id
    answer = instagram_sandbox.graph("GET", path, facebook.token, fields="account_type")
    assert answer.error == (400, 100, None)


def test_me_accounts_gives_pages_with_tokens_and_accounts(instagram_sandbox, facebook):
    answer = instagram_sandbox.graph(
        "GET",
        "/me/accounts",
        facebook.token,
        fields=f"id,name,access_token,tasks,{ACCOUNT_EXPANSION}",
        limit=100,
    )
    [page] = answer.result["data"]
    assert page["instagram_business_account"]["id"] == facebook.account_id
    assert page["instagram_business_account"]["username"]
    assert "MANAGE" in page["tasks"]
    me = instagram_sandbox.graph("GET", "/me", page["access_token"]).result
    assert me["id"] == page["id"]
    assert "next" not in answer.result["paging"]


def test_a_page_without_account_lacks_the_field(instagram_sandbox):
    login = instagram_sandbox.connect_facebook({"pages": [{"name": "A club"}]})
    answer = instagram_sandbox.graph(
        "GET", "/me/accounts", login.token, fields=f"id,{ACCOUNT_EXPANSION}"
    )
    assert answer.result["data"] == [{"id": login.page_id}]


def test_an_account_that_is_unticked_is_not_there(instagram_sandbox):
    login = instagram_sandbox.connect_facebook(accounts=[])
    answer = instagram_sandbox.graph(
        "GET", "/me/accounts", login.token, fields=f"id,{ACCOUNT_EXPANSION}"
    )
    assert answer.result["data"] == [{"id": login.page_id}]
    path = f"/{login.account_id}"
    assert instagram_sandbox.graph("GET", path, login.token).error == (400, 100, 33)


def test_pages_come_in_pages_whose_links_carry_no_token(instagram_sandbox):
    login = instagram_sandbox.connect_facebook({"pages": [{"account": {}} for _ in range(5)]})
    url, found = "/me/accounts", []
    params = {"fields": "id,name", "limit": 2}
    while url:
        answer = instagram_sandbox.graph("GET", url, login.token, **params).result
        found += [page["id"] for page in answer["data"]]
        link = answer["paging"].get("next", "")
        assert "access_token" not in link
        params = {name: value[0] for name, value in parse_qs(urlsplit(link).query).items()}
        url = "/me/accounts" if link else ""
    assert found == login.ids["page_ids"]


def test_the_link_repeats_a_token_of_the_query(instagram_sandbox):
    login = instagram_sandbox.connect_facebook({"pages": [{}, {}]})
    answer = instagram_sandbox.graph("GET", "/me/accounts", access_token=login.token, limit=1)
    assert parse_qs(urlsplit(answer.result["paging"]["next"]).query)["access_token"] == [
        login.token
    ]


@pytest.mark.parametrize("params", [{"limit": "0"}, {"limit": "x"}, {"after": "QVFIzzz"}])
def test_unreadable_paging_is_refused(instagram_sandbox, facebook, params):
    answer = instagram_sandbox.graph("GET", "/me/accounts", facebook.token, **params)
    assert answer.error == (400, 100, None)


def test_me_accounts_can_lack_pages_that_were_ticked(instagram_sandbox):
    pages = [
        {"account": {}},
        {"account": {}, "business": True},
        {"account": {}, "business": True, "is_client_page": True},
    ]
    login = instagram_sandbox.connect_facebook({"pages": pages})
    page_ids, [business_id] = login.ids["page_ids"], login.ids["business_ids"]

    def list_ids(path):
        answer = instagram_sandbox.graph("GET", path, login.token, fields="id").result
        return [each["id"] for each in answer["data"]]

    instagram_sandbox.control("settings", me_accounts="partial")
    assert list_ids("/me/accounts") == page_ids[:1]
    instagram_sandbox.control("settings", me_accounts="empty")
    assert list_ids("/me/accounts") == []
    scopes = instagram_sandbox.debug_token(login.token)["granular_scopes"]
    assert {"scope": "pages_show_list", "target_ids": page_ids} in scopes
    page = instagram_sandbox.graph(
        "GET", f"/{page_ids[1]}", login.token, fields=f"id,access_token,tasks,{ACCOUNT_EXPANSION}"
    )
    assert page.result["instagram_business_account"]["id"] == login.ids["account_ids"][1]
    assert list_ids("/me/businesses") == [business_id]
    assert list_ids(f"/{business_id}/owned_pages") == page_ids[1:2]
    assert list_ids(f"/{business_id}/client_pages") == page_ids[2:]


def test_debug_token_can_leave_out_what_was_ticked(instagram_sandbox, facebook):
    instagram_sandbox.control("settings", target_ids=False)
    scopes = instagram_sandbox.debug_token(facebook.token)["granular_scopes"]
    assert {"scope": "pages_show_list"} in scopes


def test_businesses_need_their_permission(instagram_sandbox):
    login = instagram_sandbox.connect_facebook(scopes=["pages_show_list", "instagram_basic"])
    answer = instagram_sandbox.graph("GET", "/me/businesses", login.token)
    assert answer.error == (400, 100, None)


def test_without_the_permission_me_accounts_is_empty(instagram_sandbox):
    login = instagram_sandbox.connect_facebook(scopes=["instagram_basic"])
    assert instagram_sandbox.graph("GET", "/me/accounts", login.token).result == {"data": []}
    path = f"/{login.page_id}"
    assert instagram_sandbox.graph("GET", path, login.token).error == (400, 10, None)


def test_a_foreign_page_cannot_be_read(instagram_sandbox, facebook):
    other = instagram_sandbox.connect_facebook()
    for path in (f"/{other.page_id}", f"/{other.account_id}", f"/{other.person_id}"):
        assert instagram_sandbox.graph("GET", path, facebook.token).error == (400, 100, 33)


def test_a_page_token_sees_its_own_account_alone(instagram_sandbox):
    login = instagram_sandbox.connect_facebook({"pages": [{"account": {}}, {"account": {}}]})
    page_token = instagram_sandbox.page_token(login)
    first, second = login.ids["account_ids"]
    assert instagram_sandbox.graph("GET", f"/{first}", page_token).status == 200
    assert instagram_sandbox.graph("GET", f"/{second}", page_token).error == (400, 100, 33)
    assert instagram_sandbox.graph("GET", "/me/accounts", page_token).error == (400, 100, None)


@pytest.mark.parametrize(
    ("tasks", "status"),
    [(["ANALYZE"], 400), (["CREATE_CONTENT"], 200), (["PROFILE_PLUS_FULL_CONTROL"], 200)],
)
def test_a_page_token_may_do_what_the_persons_tasks_allow(instagram_sandbox, tasks, status):
    login = instagram_sandbox.connect_facebook({"pages": [{"account": {}, "tasks": tasks}]})
    token = instagram_sandbox.page_token(login)
    path = f"/{login.account_id}/content_publishing_limit"
    assert instagram_sandbox.graph("GET", path, token).status == status


def test_answers_can_come_in_odd_shapes(instagram_sandbox, facebook):
    fields = {"id": "17", "name": None}
    instagram_sandbox.control("/faults", endpoint="me", kind="other_values", fields=fields)
    assert instagram_sandbox.graph("GET", "/me", facebook.token).result == fields


def test_debug_token_describes_every_kind(instagram_sandbox, facebook, instagram):
    data = instagram_sandbox.debug_token(facebook.token)
    assert (data["type"], data["app_id"], data["user_id"]) == (
        "USER",
        FACEBOOK_APP,
        facebook.person_id,
    )
    assert data["expires_at"] > data["issued_at"]
    assert data["data_access_expires_at"] > data["expires_at"]
    page_token = instagram_sandbox.page_token(facebook)
    data = instagram_sandbox.debug_token(page_token)
    assert (data["type"], data["profile_id"]) == ("PAGE", facebook.page_id)
    for token in ("nonsense", instagram.token):
        data = instagram_sandbox.debug_token(token)
        assert (data["is_valid"], data["error"]["code"]) == (False, 190)


def test_debug_token_needs_the_token_of_the_app(instagram_sandbox, facebook):
    answer = instagram_sandbox.graph(
        "GET", "/debug_token", facebook.token, input_token=facebook.token
    )
    assert answer.error == (400, 100, None)
    answer = instagram_sandbox.graph("GET", "/debug_token", host=INSTAGRAM_GRAPH)
    assert answer.error[0] == 400


def test_a_wrong_proof_is_refused_and_a_right_one_accepted(instagram_sandbox, facebook, instagram):
    def proof(secret, token):
        return hmac.new(secret.encode(), token.encode(), sha256).hexdigest()

    def read_me(token, host="/meta-graph/v26.0", **params):
        return instagram_sandbox.graph("GET", "/me", token, host, **params)

    token = facebook.token
    assert read_me(token, appsecret_proof=proof(FACEBOOK_SECRET, token)).status == 200
    wrong = read_me(token, appsecret_proof=proof(INSTAGRAM_SECRET, token))
    assert wrong.error == (400, 100, None)
    instagram_sandbox.control("settings", require_appsecret_proof=True)
    assert read_me(token).error == (400, 100, None)
    assert read_me(instagram.token, INSTAGRAM_GRAPH).status == 200


@pytest.mark.parametrize("version", ["v21.0", "v25.0", "v26.0", "v27.0"])
def test_living_versions_answer(instagram_sandbox, facebook, version):
    answer = instagram_sandbox.graph("GET", "/me", facebook.token, f"/meta-graph/{version}")
    assert answer.status == 200


@pytest.mark.parametrize("version", ["v19.0", "v20.0", "v28.0", "v26"])
def test_ended_and_unknown_versions_do_not_answer(instagram_sandbox, facebook, version):
    answer = instagram_sandbox.graph("GET", "/me", facebook.token, f"/meta-graph/{version}")
    assert answer.error == (400, 2500, None)


def test_unknown_paths_are_an_error_of_the_host(instagram_sandbox, facebook, instagram):
    answer = instagram_sandbox.graph("GET", "/me/no/such", facebook.token)
    assert answer.error == (400, 2500, None)
    answer = instagram_sandbox.graph("GET", "/me/no/such", instagram.token, INSTAGRAM_GRAPH)
    assert answer.json["error"]["type"] == "IGApiException"


def test_a_call_without_a_token_is_refused(instagram_sandbox):
    assert instagram_sandbox.graph("GET", "/me").error == (400, 2500, None)


@pytest.mark.parametrize(
    "params",
    [
        {"ids": "1,2"},
        {"date_format": "U"},
        {"method": "delete"},
        {"callback": "f"},
        {"pretty": "1"},
        {"debug": "all"},
        {"fields": "name.as(title)"},
    ],
)
def test_what_new_apps_may_not_use_is_refused(instagram_sandbox, facebook, params):
    answer = instagram_sandbox.graph("GET", "/me", facebook.token, **params)
    assert answer.error == (400, 100, None)


def test_conditional_requests_are_refused(instagram_sandbox, facebook):
    headers = {"If-None-Match": '"x"'}
    answer = instagram_sandbox.graph("GET", "/me", facebook.token, headers=headers)
    assert answer.error == (400, 100, None)


@pytest.mark.parametrize("fields", ["id,{", "a{b", "id}", "id,,name", "media.limit(x){id}", "1"])
def test_broken_field_lists_are_refused(instagram_sandbox, facebook, fields):
    answer = instagram_sandbox.graph("GET", "/me", facebook.token, fields=fields)
    assert answer.error == (400, 100, None)


def test_parameters_may_be_json(instagram_sandbox, facebook):
    page_token = instagram_sandbox.page_token(facebook)
    body = json.dumps({"subscribed_fields": ["feed", "mention"], "access_token": page_token})
    path = f"/meta-graph/v26.0/{facebook.page_id}/subscribed_apps"
    assert instagram_sandbox.send("POST", path, body, JSON_HEADERS).json == {"success": True}


def test_json_is_ascii_and_escapes_slashes(instagram_sandbox):
    login = instagram_sandbox.connect_facebook({"name": "Zoë / Ütz"})
    body = instagram_sandbox.graph("GET", "/me", login.token).body
    assert b"Zo\\u00eb \\/ \\u00dctz" in body


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("settings", {"strict_parms": True}),
        ("settings", {"me_accounts": "some"}),
        ("settings", {"webhook_url": "http://example.com/"}),
        ("settings", {"code_seconds": "1"}),
        ("people", {"shoe_size": 43}),
        ("people", {"pages": [{"shoe": 1}]}),
        ("token-death", {"login": "1", "subcode": 7}),
        ("test-event", {"changes": []}),
        ("test-event", {"changes": [{"field": "comments"}], "shape": "round"}),
        ("test-event", {"changes": [{"field": "comments"}], "forgery": "rotten"}),
        ("consent", {"url": "http://x/meta-auth/v26.0/dialog/oauth?client_id=1", "login": "1"}),
        ("subscribe-app", {"flavour": "tiktok"}),
    ],
)
def test_a_mistyped_control_is_refused(instagram_sandbox, path, body):
    answer = instagram_sandbox.send("POST", f"/_sandbox/instagram/{path}", json.dumps(body))
    assert answer.status == 400
    assert answer.json["error"]
