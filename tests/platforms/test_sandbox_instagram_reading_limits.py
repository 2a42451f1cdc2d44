"""The Instagram sandbox's rate limits, injected errors and search for places."""

import json

import pytest

from tests.platforms.instagram_reading_client import add_reader, run_reading_server

APP_HEADER, ACCOUNT_HEADER = "X-App-Usage", "X-Business-Use-Case-Usage"
TABLE_ERRORS = [
    *[(1, None), (2, None), (3, None), (4, None), (10, None), (17, None), (20, 1772107)],
    *[(32, None), (100, None), (100, 33), (102, None), (190, None), (190, 458), (190, 459)],
    *[(190, 460), (190, 463), (190, 464), (190, 467), (190, 492), (190, 493), (200, None)],
    *[(341, None), (368, None), (506, None), (613, None), (613, 1996), (2500, None)],
    *[(80001, None), (80002, None), (80006, None), (1609005, None)],
    *[(-2, 2207003), (-2, 2207020), (-1, 2207001), (-1, 2207032), (-1, 2207053)],
    *[(-1, 2207073), (-1, 2207085), (1, 2207057), (4, 2207051), (9, 2207042), (24, 2207006)],
    *[(24, 2207008), (25, 2207050), (100, 2207023), (100, 2207028), (100, 2207035)],
    *[(100, 2207036), (100, 2207037), (100, 2207040), (352, 2207026), (9004, 2207052)],
    *[(9007, 2207027), (36000, 2207004), (36001, 2207005), (36003, 2207009), (36004, 2207010)],
]


@pytest.fixture(scope="module")
def server():
    with run_reading_server() as running:
        yield running


@pytest.fixture
def reader(server):
    yield add_reader(server)
    server[0].control("faults", method="DELETE")
    for flavour in ("facebook", "instagram"):
        server[0].control("instagram/usage", flavour=flavour, percent=None)


def account_usage(answer, reader):
    (usage,) = json.loads(answer.headers[ACCOUNT_HEADER])[reader.account.id]
    return usage


def test_usage_rises_with_calls(reader):
    reader.change_settings(account_calls_per_day=10)
    percents = [account_usage(reader.read(reader.account.id), reader) for _ in range(3)]
    assert [usage["call_count"] for usage in percents] == [10, 20, 30]
    assert {usage["type"] for usage in percents} == {"instagram"}
    assert {usage["estimated_time_to_regain_access"] for usage in percents} == {0}


def test_calls_on_media_and_comments_count_for_their_account(reader):
    reader.change_settings(account_calls_per_day=10)
    media_id = reader.post_in_app()
    comment_id = reader.comment(media_id, is_silent=True)
    reader.read(media_id)
    assert account_usage(reader.read(comment_id), reader)["call_count"] == 20


@pytest.mark.parametrize("code", [80002, 17, 32, 613])
def test_at_a_hundred_percent_calls_are_refused(reader, code):
    reader.change_settings(account_limit_code=code)
    reader.control("usage", account_id=reader.account.id, percent=95)
    assert account_usage(reader.read(reader.account.id), reader)["call_count"] == 95
    reader.control("usage", account_id=reader.account.id, percent=100)
    answer = reader.read(reader.account.id)
    assert answer.error == (400, code, None)
    assert account_usage(answer, reader)["estimated_time_to_regain_access"] == 5


def test_calls_in_the_meantime_prolong_the_wait(reader):
    reader.control("usage", account_id=reader.account.id, percent=100)
    waits = [
        account_usage(reader.read(reader.account.id), reader)["estimated_time_to_regain_access"]
        for _ in range(3)
    ]
    assert waits == [5, 6, 7]
    reader.advance_clock(6 * 60)
    assert reader.read(reader.account.id).status == 400
    reader.advance_clock(8 * 60)
    answer = reader.read(reader.account.id)
    assert answer.status == 200
    assert account_usage(answer, reader)["call_count"] == 0


def test_one_account_at_its_limit_leaves_the_others_alone(server, reader):
    other = add_reader(server)
    reader.control("usage", account_id=reader.account.id, percent=100)
    assert reader.read(reader.account.id).status == 400
    assert other.read(other.account.id).status == 200


def test_the_limit_of_the_app_is_code_4_and_transient(reader):
    reader.control("usage", flavour="facebook", percent=42)
    answer = reader.read(reader.account.id)
    assert json.loads(answer.headers[APP_HEADER])["call_count"] == 42
    reader.control("usage", flavour="facebook", percent=100)
    answer = reader.read(reader.account.id)
    assert answer.error == (403, 4, None)
    assert answer.json["error"]["is_transient"] is True
    assert reader.read(reader.account.id, "id", "instagram").status == 200


def test_without_use_there_is_no_header_of_the_app(reader):
    assert APP_HEADER not in reader.read(reader.account.id).headers


@pytest.mark.parametrize(("code", "subcode"), TABLE_ERRORS)
def test_every_error_of_the_tables_can_be_injected(reader, code, subcode):
    wanted = {"code": code} | ({} if subcode is None else {"subcode": subcode})
    reader.inject_fault("comment_list", "graph_error", fields=wanted)
    media_id = reader.post_in_app()
    answer = reader.list_comments(media_id)
    assert answer.error[1:] == (code, subcode)
    assert answer.json["error"]["fbtrace_id"].startswith("A")
    unusual = {(1, None): 500, (2, None): 503, (4, None): 403, (4, 2207051): 403, (200, None): 403}
    assert answer.status == unusual.get((code, subcode), 400)
    assert reader.list_comments(media_id).status == 200


def test_an_injected_error_may_come_after_the_effect(reader):
    media_id = reader.post_in_app()
    fields = {"code": 4, "subcode": 2207051}
    for work, expected in ((False, 0), (True, 1)):
        reader.inject_fault("media_comment_create", "graph_error", fields=fields, work=work)
        answer = reader.call("POST", f"/{media_id}/comments", message="hello")
        assert answer.error == (403, 4, 2207051)
        assert len(reader.stored_comments(media_id)) == expected


def test_an_injected_error_may_say_anything(reader):
    wanted = {"code": 987654, "status": 418, "message": "new", "is_transient": True}
    reader.inject_fault("ig_user_node", "graph_error", fields=wanted)
    answer = reader.read(reader.account.id)
    assert (answer.status, answer.message) == (418, "new")
    assert answer.json["error"]["is_transient"] is True


@pytest.mark.parametrize(
    "fields", [{}, {"subcode": 33}, {"code": "190"}, {"code": 190, "sub_code": 460}]
)
def test_injected_errors_are_checked(reader, fields):
    body = {"endpoint": "ig_user_node", "kind": "graph_error", "fields": fields}
    answer = reader.raw.send("POST", "/_sandbox/faults", json.dumps(body))
    assert answer.status == 400


def test_a_gateway_may_answer_with_a_page(reader):
    reader.inject_fault("media_insights", "html_502")
    answer = reader.read_insights(reader.post_in_app(), "views")
    assert (answer.status, answer.body[:15]) == (502, b"<!doctype html>")


def test_json_may_end_in_the_middle(reader):
    media_id = reader.post_in_app()
    reader.inject_fault("media_insights", "truncated_json")
    answer = reader.read_insights(media_id, "views")
    assert answer.status == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json  # noqa: B018 - reading it is the test


@pytest.mark.parametrize("kind", ["http_500", "slow", "numbers_as_text", "lists_as_values"])
def test_the_general_faults_work_on_graph_calls(reader, kind):
    media_id = reader.post_in_app()
    seconds = {"seconds": 0.01} if kind == "slow" else {}
    reader.inject_fault("media_insights", kind, **seconds)
    answer = reader.read_insights(media_id, "views")
    if kind == "http_500":
        assert answer.error == (500, 2, None)
    elif kind == "lists_as_values":
        assert answer.json["data"]["name"] == "views"
    elif kind == "numbers_as_text":
        assert answer.json["data"][0]["values"][0]["value"].isdecimal()
    assert reader.read_insights(media_id, "views").status == 200


@pytest.mark.parametrize(("language", "word"), [("", "restricted"), ("id", "Silakan")])
def test_texts_for_users_come_in_a_language(reader, language, word):
    reader.account.is_restricted = True
    reader.grant_scopes("instagram_basic", "instagram_content_publish", "pages_read_engagement")
    reader.change_settings(error_language=language)
    answer = reader.publish("1")
    assert answer.error == (400, 25, 2207050)
    assert answer.message == "The user is restricted"
    assert word in answer.json["error"]["error_user_msg"]


def test_places_are_found_with_the_reviewed_feature_only(reader):
    query = {"q": "café", "fields": "id,name,location"}
    places = reader.call("GET", "/pages/search", "user", **query).json["data"]
    assert places[0]["location"]["latitude"] == pytest.approx(48.8541)
    assert "location" not in places[-1]
    assert reader.call("GET", "/pages/search", "user").error == (400, 100, None)
    reader.change_settings(has_page_search=False)
    assert reader.call("GET", "/pages/search", "user", **query).error == (400, 10, None)


def test_an_instagram_login_cannot_search_places(reader):
    answer = reader.call("GET", "/pages/search", "instagram", q="café")
    assert answer.error == (400, 2500, None)
