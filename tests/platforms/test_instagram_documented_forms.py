"""Calls in other forms than Meta's pages print: if they are refused, the printed form follows."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from platforms.errors import AppRefused, PlatformError, Rejected, Revoked, Unavailable
from platforms.insights_base import AccountAccess
from platforms.instagram.comments import InstagramComments
from platforms.instagram.facebook_login import FacebookLogin
from platforms.instagram.insights import InstagramInsights
from platforms.instagram.instagram_login import InstagramLogin
from platforms.instagram.media import InstagramMedia
from platforms.instagram.publisher import InstagramPublisher
from platforms.instagram.settings import InstagramSettings
from platforms.instagram.subscription import InstagramSubscriber
from platforms.logins import Destination, LoginGrant
from platforms.secret import Secret
from tests.platforms.hostile_server import http_response, set_responses
from tests.platforms.instagram_login_client import graph_error, json_response, make_graph
from tests.platforms.instagram_publishing_driver import image, make_driver, video

TOKEN = Secret("EAAuser")
NO_METHOD = http_response(405, b"<html>method not allowed</html>")
NO_PATH = http_response(404, b"")
NO_POST = graph_error(code=100, error_subcode=33)
ACCOUNT = Destination("17841", "Ada", details={"page_id": "11"})


@pytest.fixture
def facebook_graph(server):
    return make_graph(server.url, "facebook")


@pytest.fixture
def instagram_graph(server):
    return make_graph(server.url, "instagram")


@pytest.fixture
def flow(facebook_graph):
    return FacebookLogin(facebook_graph)


def sent_queries(server):
    return [dict(parse_qsl(urlsplit(path).query)) for path, _ in server.requests]


def sent_paths(server):
    return [urlsplit(path).path for path, _ in server.requests]


@pytest.mark.parametrize(
    "refusal",
    [NO_METHOD, NO_PATH, NO_POST, graph_error(code=2500), graph_error(405, code=77777)],
)
def test_a_code_is_exchanged_by_get_where_post_is_not_known(server, flow, refusal):
    set_responses(
        server,
        refusal,
        json_response(access_token="EAAshort", expires_in=3600),
        json_response(access_token="EAAlong", expires_in=5_183_944),
        json_response(data={"is_valid": True}),
    )
    assert flow.exchange_code("AQcode#_=_").access_token == Secret("EAAlong")
    assert sent_queries(server)[1] == {
        "client_id": "1021",
        "client_secret": "facebooksecret",
        "code": "AQcode",
        "redirect_uri": "https://app.example.com/api/auth/instagram/callback",
    }
    assert set(sent_paths(server)[:3]) == {"/meta-graph/v26.0/oauth/access_token"}


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (graph_error(code=100), Revoked),
        (graph_error(code=100, error_subcode=36009), Revoked),
        (graph_error(code=100, error_subcode=36008), Rejected),
        (graph_error(code=101), AppRefused),
        (http_response(400, b"<html>"), Unavailable),
    ],
)
def test_a_code_that_is_refused_is_not_sent_again(server, flow, refusal, kind):
    set_responses(server, refusal)
    with pytest.raises(kind):
        flow.exchange_code("AQcode")
    assert len(server.requests) == 1


def test_a_token_is_extended_by_get_where_a_form_is_refused(server, flow):
    set_responses(
        server,
        graph_error(code=100),
        json_response(access_token="EAAnew", expires_in=5_183_944),
        json_response(data={"is_valid": True}),
    )
    grant = flow.renew(access_token=TOKEN, refresh_token=None)
    assert grant.access_token == Secret("EAAnew")
    assert sent_queries(server)[1]["fb_exchange_token"] == "EAAuser"
    assert sent_queries(server)[1]["grant_type"] == "fb_exchange_token"


@pytest.mark.parametrize(
    "refusal",
    [*(graph_error(code=code) for code in (190, 2500, 100, 104)), NO_PATH],
)
def test_a_token_is_inspected_as_printed_where_the_header_is_refused(server, flow, refusal):
    set_responses(server, refusal, json_response(data={"is_valid": True, "app_id": 1021}))
    assert flow.inspect_token(TOKEN).is_valid
    assert sent_paths(server)[1] == "/meta-graph/debug_token"
    assert sent_queries(server)[1] == {
        "input_token": "EAAuser",
        "access_token": "1021|facebooksecret",
    }
    assert "authorization" not in server.request_headers[1]


def test_an_inspection_that_is_refused_twice_blames_the_app(server, flow, capsys):
    set_responses(server, graph_error(code=190, message="Bad token 1021|facebooksecret"))
    with pytest.raises(AppRefused) as error:
        flow.inspect_token(TOKEN)
    assert len(server.requests) == 2
    assert "facebooksecret" not in str(error.value) + capsys.readouterr().out


def test_a_missing_address_does_not_hide_why_the_header_was_refused(server, flow):
    set_responses(server, graph_error(code=190), NO_PATH)
    with pytest.raises(AppRefused):
        flow.inspect_token(TOKEN)


@pytest.mark.parametrize("status", [500, 503])
def test_an_inspection_that_fails_for_now_stays_in_the_header(server, flow, status):
    set_responses(server, graph_error(status, code=2))
    with pytest.raises(Unavailable):
        flow.inspect_token(TOKEN)
    assert set(sent_paths(server)) == {"/meta-graph/v26.0/debug_token"}


def test_a_system_users_token_with_an_end_is_not_exchanged(server):
    flow = FacebookLogin(make_graph(server.url, "facebook", config_id="77"))
    issued_at = 1_790_000_000
    info = {"is_valid": True, "type": "SYSTEM_USER", "issued_at": issued_at}
    set_responses(
        server,
        json_response(access_token="EAAsystem", expires_in=5_184_000),
        json_response(data={**info, "expires_at": issued_at + 5_184_000}),
    )
    grant = flow.exchange_code("AQ")
    assert (grant.access_token, grant.has_no_end) == (Secret("EAAsystem"), False)
    assert grant.lifetime == timedelta(days=60)
    assert len(server.requests) == 2


def test_pages_are_listed_with_the_printed_fields_if_others_are_refused(server, flow):
    page = {"id": "11", "name": "P", "instagram_business_account": {"id": "17841"}}
    unknown_field = graph_error(code=100)
    set_responses(
        server,
        unknown_field,
        unknown_field,
        json_response(data=[page]),
        json_response(data={"is_valid": True}),
    )
    found = flow.find_destinations(LoginGrant(TOKEN, None))
    assert (len(found.destinations), found.is_complete) == (1, True)
    account_fields = "id,username,name,profile_picture_url,followers_count,media_count"
    fields = [query["fields"] for query in sent_queries(server)[:3]]
    assert "follows_count" in fields[0]
    assert fields[1:] == [
        f"id,name,access_token,tasks,instagram_business_account{{{account_fields}}}",
        f"id,name,access_token,instagram_business_account{{{account_fields}}}",
    ]


def test_the_counts_of_an_account_of_instagram_login_are_those_of_me(server, instagram_graph):
    set_responses(server, json_response(user_id=17841, id="99", followers_count=7))
    access = AccountAccess(TOKEN, ("instagram_business_basic",), "17841")
    assert InstagramMedia(instagram_graph).fetch_account_totals(access) == {"followers": 7}
    assert sent_paths(server) == ["/instagram-graph/v26.0/me"]


def test_comments_are_requested_with_the_printed_fields(server, facebook_graph):
    set_responses(server, json_response(data=[]))
    InstagramComments(facebook_graph).list_comments("180", TOKEN)
    fields = "id,text,timestamp,username,from{id,username},user{id},like_count,hidden,parent_id"
    query = sent_queries(server)[0]
    assert query["fields"] == f"{fields},replies.limit(50){{{fields}}}"
    assert query["limit"] == "50"


def test_mentioned_media_are_read_without_what_is_not_printed(server, facebook_graph):
    set_responses(
        server, graph_error(code=100), json_response(mentioned_media={"id": "180"}, id="17841")
    )
    comments = InstagramComments(facebook_graph)
    post = comments.fetch_mentioned_post("180", TOKEN, account_id="17841")
    assert post.id == "180"
    first, second = (query["fields"] for query in sent_queries(server))
    assert ("permalink" in first, "permalink" in second) == (True, False)


def test_one_refused_edge_does_not_keep_the_other_from_being_subscribed(server, facebook_graph):
    set_responses(server, graph_error(403, code=200), json_response(success=True))
    with pytest.raises(Rejected) as error:
        InstagramSubscriber(facebook_graph).subscribe(ACCOUNT, TOKEN, None)
    assert error.value.code == "permission_missing"
    assert sent_paths(server) == [
        "/meta-graph/v26.0/11/subscribed_apps",
        "/meta-graph/v26.0/17841/subscribed_apps",
    ]


def test_one_refused_edge_does_not_keep_the_other_subscribed(server, facebook_graph):
    set_responses(server, graph_error(403, code=200), json_response(success=True))
    with pytest.raises(Rejected):
        InstagramSubscriber(facebook_graph).unsubscribe(ACCOUNT, TOKEN)
    assert len(server.requests) == 2


@pytest.mark.parametrize(("app_id", "is_subscribed"), [("1021", True), ("999", False)])
def test_an_app_that_is_named_without_its_fields_is_subscribed(
    server, facebook_graph, app_id, is_subscribed
):
    set_responses(server, json_response(data=[{"id": app_id, "name": "ours"}]))
    fields = InstagramSubscriber(facebook_graph).read_subscription(ACCOUNT, TOKEN, None)
    assert bool(fields) is is_subscribed


def test_an_unknown_error_for_a_breakdown_costs_this_breakdown_only(server, facebook_graph):
    """Meta answers so if a metric does not have a breakdown."""
    unknown_error = graph_error(code=1)
    answer = json_response(data=[])
    set_responses(server, answer, answer, *[unknown_error] * 40)
    access = AccountAccess(TOKEN, ("instagram_manage_insights",), "17841")
    until = datetime(2026, 11, 22, tzinfo=UTC)
    report = InstagramInsights(facebook_graph).fetch_account_metrics(
        access, since=until - timedelta(days=7), until=until
    )
    assert "views" in report.unavailable
    queries = sent_queries(server)
    assert ("views", "follower_type") in [
        (each["metric"], each.get("breakdown")) for each in queries
    ]


def test_an_unknown_error_for_all_metrics_is_no_missing_metric(server, facebook_graph):
    """The negative control of the test above."""
    set_responses(server, graph_error(code=1))
    access = AccountAccess(TOKEN, ("instagram_manage_insights",), "17841")
    until = datetime(2026, 11, 22, tzinfo=UTC)
    with pytest.raises(Unavailable):
        InstagramInsights(facebook_graph).fetch_account_metrics(
            access, since=until - timedelta(days=7), until=until
        )


OUR_VIDEO = video(url=None, media_id=7, size=1000)


def test_a_video_is_offered_by_link_where_its_bytes_are_refused(publishing_client, media_host):
    url = media_host.add("ours.mp4", b"\0\0\0\x18ftypisom" + bytes(988), "video/mp4")
    publishing_client.inject_fault("container_create", "graph_error", fields={"code": 100})
    driver = make_driver(publishing_client, "REELS", OUR_VIDEO, media_link=lambda _: url).run()
    assert len(driver.posts) == 1
    assert "send" not in driver.history


def test_bytes_are_sent_although_the_status_has_no_field_for_them(publishing_client):
    driver = make_driver(
        publishing_client, "REELS", OUR_VIDEO, files={7: b"\0\0\0\x18ftypisom" + bytes(988)}
    )
    driver.run_step("create")
    publishing_client.inject_fault("container_status", "graph_error", fields={"code": 100})
    driver.run()
    assert (len(driver.posts), driver.errors) == (1, [])


def test_a_post_is_found_although_captions_are_left_out(publishing_client):
    """With Instagram Login the page has no captions: they may be missing without a refusal."""
    driver = make_driver(publishing_client, "IMAGE", image(), login="instagram", text="Hello")
    driver.run(until="publish")
    publishing_client.inject_fault("media_publish", "drop_after")
    publishing_client.inject_fault("media_list", "missing_fields", times=5, fields={"caption": ""})
    driver.run()
    assert driver.publication.post_ids == (driver.posts[0]["id"],)
    assert driver.history.count("publish") == 1


BASE_URL_NAMES = {
    "META_AUTH_BASE_URL": "meta_auth",
    "META_GRAPH_BASE_URL": "meta_graph",
    "META_UPLOAD_BASE_URL": "meta_upload",
    "INSTAGRAM_AUTH_BASE_URL": "instagram_auth",
    "INSTAGRAM_API_BASE_URL": "instagram_api",
    "INSTAGRAM_GRAPH_BASE_URL": "instagram_graph",
}


def build_app(login, tail, url):
    values = {
        "INSTAGRAM_LOGIN": login,
        "FACEBOOK_APP_ID": "1021",
        "FACEBOOK_APP_SECRET": "test_app_secret",
        "INSTAGRAM_APP_ID": "2021",
        "INSTAGRAM_APP_SECRET": "test-app-secret",
        "INSTAGRAM_REDIRECT_URI": "https://app.example.com/api/auth/instagram/callback",
        "INSTAGRAM_WEBHOOK_VERIFY_TOKEN": "v",
        **{name: f"{url}/{key}{tail}" for name, key in BASE_URL_NAMES.items()},
    }
    return InstagramSettings.model_validate(values).build_app()


@pytest.mark.parametrize("tail", ["", "/", "/meta", "/meta/"])
def test_base_urls_may_have_a_prefix_and_a_slash(server, tail):
    prefix = tail.rstrip("/")
    app = build_app("facebook", tail, server.url)
    graph = make_graph(server.url, "facebook")
    flow = FacebookLogin(type(graph)(app, graph.http))
    url = flow.authorize_url(state="s")
    assert url.startswith(f"{server.url}/meta_auth{prefix}/v26.0/dialog/oauth?")
    set_responses(server, NO_METHOD)
    for call in (lambda: flow.exchange_code("c"), lambda: flow.inspect_token(TOKEN)):
        with pytest.raises(PlatformError):
            call()
    assert set(sent_paths(server)) == {
        f"/meta_graph{prefix}/v26.0/oauth/access_token",
        f"/meta_graph{prefix}/v26.0/debug_token",
        f"/meta_graph{prefix}/debug_token",
    }


@pytest.mark.parametrize("tail", ["", "/", "/ig", "/ig/"])
def test_base_urls_of_instagram_login_may_have_a_prefix_and_a_slash(server, tail):
    prefix = tail.rstrip("/")
    app = build_app("instagram", tail, server.url)
    graph = make_graph(server.url, "instagram")
    flow = InstagramLogin(type(graph)(app, graph.http))
    assert flow.authorize_url(state="s").startswith(
        f"{server.url}/instagram_auth{prefix}/oauth/authorize?"
    )
    set_responses(server, json_response(access_token="IGshort"), json_response(access_token="IG"))
    flow.exchange_code("c")
    InstagramPublisher(flow.graph).fetch_quotas("17841", TOKEN)
    assert sent_paths(server)[:3] == [
        f"/instagram_api{prefix}/oauth/access_token",
        f"/instagram_graph{prefix}/access_token",
        f"/instagram_graph{prefix}/v26.0/17841/content_publishing_limit",
    ]
