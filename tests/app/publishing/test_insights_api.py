"""The insights API: metrics of own videos and accounts; ids are strings, unknown values null."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from db.insights.snapshots import MetricSnapshot
from db.records.tiktok_posts import TikTokPost
from db.records.tiktok_videos import TikTokVideo
from signalpost_client import Client, MetricRange
from tests.app.conftest import BASE_SETTINGS
from tests.app.publishing.insights_fixtures import (
    SAMPLED_VIDEO_ID,
    account_id,
    extra_settings,
    sampled_account,
    sampler,
)
from tests.platforms.tiktok_responses import error_response
from tests.support.insights_harness import VIDEO_LIST_PATH
from tests.support.publishing_harness import URL_REQUEST

__all__ = ["account_id", "extra_settings", "sampled_account", "sampler"]  # fixtures

WORKER_HEADERS = {"X-Worker-Secret": BASE_SETTINGS["WORKER_SECRET"]}
HOUR = timedelta(hours=1)


def get_json(api_client, path, status=200):
    response = api_client.get(path)
    assert response.status_code == status, response.text
    return response.json


def error_code(response):
    return response.status_code, response.json["error"]["code"]


def test_videos_are_listed_with_their_latest_metrics(api_client, sampled_account):
    (video,) = get_json(api_client, "/api/tiktok/videos")["data"]
    assert video["video_id"] == str(SAMPLED_VIDEO_ID)
    assert (video["account_id"], video["post_id"], video["title"]) == (
        sampled_account,
        None,
        "A video",
    )
    assert (video["views"], video["likes"], video["comments"]) == (100, 10, 4)
    assert (video["shares"], video["engagement_rate"]) == (None, None)
    assert (video["missing_since"], video["share_url"]) == (None, "https://t/7")
    assert video["counted_at"].endswith("Z")


def test_videos_come_in_pages_newest_first(api_client, sampler, account_id):
    for number in range(1, 6):
        sampler.add_video(number, ago=HOUR * number)
    sampler.enrol_accounts()
    sampler.run_workers(4)
    video_ids, cursor = [], ""
    for _ in range(3):
        page = get_json(api_client, f"/api/tiktok/videos?limit=2{cursor}")
        video_ids += [video["video_id"] for video in page["data"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert video_ids == ["1", "2", "3", "4", "5"]
    assert page["next_cursor"] is None
    assert get_json(api_client, f"/api/tiktok/videos?account_id={account_id}&limit=1")["data"]
    assert get_json(api_client, "/api/tiktok/videos?account_id=999999")["data"] == []


def test_videos_of_other_users_do_not_exist(mallory_client, api_client, sampled_account):
    assert get_json(mallory_client, "/api/tiktok/videos")["data"] == []
    for query in (f"account_id={sampled_account}", f"video_id={SAMPLED_VIDEO_ID}", "post_id=1"):
        assert error_code(mallory_client.get(f"/api/tiktok/insights?{query}")) == (404, "NOT_FOUND")
    assert error_code(mallory_client.get("/api/tiktok/insights")) == (403, "not_connected")


def test_a_key_needs_the_scope(make_api_client, alice, sampled_account):
    api_client = make_api_client(alice, "posts:read")
    for path in ("/api/tiktok/videos", "/api/tiktok/insights"):
        assert error_code(api_client.get(path)) == (403, "FORBIDDEN")
    assert "statistics" not in str(get_json(api_client, "/api/tiktok/posts"))


def test_an_account_has_a_series_of_metrics(api_client, sampler, sampled_account):
    sampler.user_info = {"follower_count": 2**40, "likes_count": 3}
    sampler.make_due(sampled_account)
    sampler.run_workers(4)
    data = get_json(api_client, "/api/tiktok/insights")["data"]
    assert (data["kind"], data["account_id"]) == ("account", sampled_account)
    assert data["latest"]["followers"]["value"] == 2**40
    assert data["latest"]["following"] is None
    assert data["account"]["sampled"]
    assert data["account"]["problem"] is None
    assert data["account"]["videos"] == {
        "videos": 1,
        "views": 100,
        "likes": 10,
        "comments": 4,
        "shares": None,
        "engagement_rate": None,
    }
    raw = get_json(api_client, "/api/tiktok/insights?step=raw&metric=followers")["data"]["points"]
    assert [point["followers"] for point in raw] == [7, 2**40]


def age_snapshots(publisher, **ago):
    """Set the time of all snapshots back by this much."""
    with publisher.database.transaction() as session:
        older = MetricSnapshot.taken_at - timedelta(**ago)
        session.execute(
            update(MetricSnapshot).values(taken_at=older),
            execution_options={"synchronize_session": False},
        )


def test_a_series_has_the_requested_step_and_comes_in_pages(
    api_client, sampler, sampled_account, publisher, server_url, make_api_key, alice
):
    for view_count in (110, 120, 130):
        age_snapshots(publisher, minutes=20)
        sampler.update_video(SAMPLED_VIDEO_ID, view_count=view_count)
        sampler.make_counts_due(sampled_account)
        sampler.run_workers(2)
    path = f"/api/tiktok/insights?video_id={SAMPLED_VIDEO_ID}"
    raw = get_json(api_client, f"{path}&step=raw")["data"]
    assert [point["views"] for point in raw["points"]] == [100, 110, 120, 130]
    assert {point["shares"] for point in raw["points"]} == {None}
    days = get_json(api_client, f"{path}&step=day")["data"]["points"]
    assert days[-1]["views"] == 130
    assert len(days) <= 2
    views, cursor = [], ""
    while cursor is not None:
        page = get_json(api_client, f"{path}&step=raw&limit=3{cursor}")
        views += [point["views"] for point in page["data"]["points"]]
        next_cursor = page["next_cursor"]
        cursor = next_cursor and f"&cursor={next_cursor}"
    assert views == [100, 110, 120, 130]
    with Client(server_url, make_api_key(alice)) as client:
        whole = client.insights.get_history(
            "tiktok", MetricRange(step="raw", limit=3), video_id=str(SAMPLED_VIDEO_ID)
        )
        (video,) = client.insights.list_videos("tiktok")
    assert [point["views"] for point in whole["points"]] == [100, 110, 120, 130]
    assert video["views"] == 130
    recent = raw["points"][2]["at"]
    assert len(get_json(api_client, f"{path}&step=raw&from={recent}")["data"]["points"]) == 2
    assert raw["video"]["views"] == raw["latest"]["views"]["value"] == 130


def test_the_step_of_a_series_follows_from_its_span(api_client, sampled_account):
    def step(days):
        begin = f"2026-01-{31 - days:02}T00:00:00Z"
        path = f"/api/tiktok/insights?from={begin}&to=2026-01-31T00:00:00Z"
        return get_json(api_client, path)["data"]["step"]

    assert (step(1), step(20)) == ("raw", "hour")
    year = "/api/tiktok/insights?from=2025-01-01T00:00:00Z&to=2026-01-01T00:00:00Z"
    assert get_json(api_client, year)["data"]["step"] == "day"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("metric=shoe_size", "metric"),
        ("step=minute", "step"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("from=yesterday", "from"),
        ("from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", "from"),
        ("cursor=soon", "cursor"),
        ("colour=red", "colour"),
        (f"video_id={SAMPLED_VIDEO_ID}&account_id=1", "video_id"),
        (f"video_id={'9' * 256}", "video_id"),
    ],
)
def test_a_bad_query_is_refused_with_its_field(api_client, sampled_account, query, field):
    response = api_client.get(f"/api/tiktok/insights?{query}")
    assert error_code(response) == (400, "VALIDATION_ERROR")
    assert field in response.json["error"]["details"]["fields"]


def test_with_several_accounts_one_has_to_be_named(api_client, sampler, alice, sampled_account):
    sampler.create_account(user_id=alice.id)
    assert error_code(api_client.get("/api/tiktok/insights")) == (400, "account_required")
    assert get_json(api_client, f"/api/tiktok/insights?account_id={sampled_account}")["success"]


def create_post(api_client, publisher, account_id, *video_ids):
    """Create a post that TikTok has published as these videos; return its id."""
    response = api_client.post(
        "/api/tiktok/upload",
        json={**URL_REQUEST, "account_id": account_id},
        headers={"Prefer": "respond-async"},
    )
    post_id = response.json["data"]["id"]
    publisher.run_workers(1)
    ids = [str(video_id) for video_id in video_ids]
    details = {"publicaly_available_post_id": ids} if ids else {}
    with publisher.database.transaction() as session:
        of_post = TikTokPost.post_id == post_id
        session.execute(update(TikTokPost).where(of_post).values(details=details))
    return post_id


def test_a_post_has_the_metrics_of_its_video(api_client, publisher, sampled_account):
    unmatched, matched = (
        create_post(api_client, publisher, sampled_account),
        create_post(api_client, publisher, sampled_account, SAMPLED_VIDEO_ID),
    )
    listed = get_json(api_client, "/api/tiktok/posts")
    statistics = {post["id"]: post["statistics"] for post in listed["posts"]}
    assert statistics[unmatched] is None
    assert (statistics[matched]["views"], statistics[matched]["video_ids"]) == (
        100,
        [str(SAMPLED_VIDEO_ID)],
    )
    assert set(listed["stats"]) == {"total", "processing", "inbox", "complete", "failed"}
    assert get_json(api_client, "/api/tiktok/videos")["data"][0]["post_id"] == matched
    data = get_json(api_client, f"/api/tiktok/insights?post_id={matched}")["data"]
    assert (data["kind"], data["video"]["video_id"], data["post_id"]) == (
        "video",
        str(SAMPLED_VIDEO_ID),
        matched,
    )
    assert data["points"][-1]["views"] == 100
    empty = get_json(api_client, f"/api/tiktok/insights?post_id={unmatched}")["data"]
    assert (empty["points"], empty["latest"]["views"]) == ([], None)


def test_a_draft_posted_twice_has_the_metrics_of_both_videos(
    api_client, sampler, publisher, account_id
):
    for number in (7, 8):
        sampler.add_video(number)
    sampler.enrol_accounts()
    sampler.run_workers(4)
    post = create_post(api_client, publisher, account_id, 7, 8)
    (listed,) = get_json(api_client, "/api/tiktok/posts")["posts"]
    assert (listed["statistics"]["views"], listed["statistics"]["engagement_rate"]) == (200, 15.0)
    response = api_client.get(f"/api/tiktok/insights?post_id={post}")
    assert error_code(response) == (400, "VALIDATION_ERROR")
    assert response.json["error"]["details"]["video_ids"] == ["7", "8"]
    assert get_json(api_client, "/api/tiktok/insights?video_id=8")["data"]["post_id"] == post


def test_a_missing_video_keeps_its_metrics_and_reports_since_when_it_is_missing(
    api_client, sampler, publisher, sampled_account
):
    post = create_post(api_client, publisher, sampled_account, SAMPLED_VIDEO_ID)
    sampler.hide_video(SAMPLED_VIDEO_ID)
    sampler.make_counts_due(sampled_account)
    sampler.run_workers(2)
    (listed,) = get_json(api_client, "/api/tiktok/posts")["posts"]
    assert (listed["id"], listed["statistics"]["views"]) == (post, 100)
    assert listed["statistics"]["missing_since"].endswith("Z")
    assert get_json(api_client, "/api/tiktok/insights")["data"]["account"]["videos"]["videos"] == 0


def test_the_reason_for_missing_metrics_is_reported(api_client, sampler, sampled_account):
    sampler.refuse_request(VIDEO_LIST_PATH, 401, "scope_not_authorized")
    sampler.make_due(sampled_account)
    sampler.run_workers(3)
    account = get_json(api_client, "/api/tiktok/insights")["data"]["account"]
    assert (account["sampled"], account["problem"]) == (True, "scope_not_authorized")


def test_a_missing_scope_is_reported_as_the_problem(api_client, sampler, alice):
    sampler.create_account(user_id=alice.id, scope="user.info.basic")
    account = get_json(api_client, "/api/tiktok/insights")["data"]["account"]
    assert (account["sampled"], account["problem"]) == (False, "scope_not_authorized")
    assert account["next_sample_at"] is None


def test_the_worker_endpoint_needs_its_secret(client, api_client, sampler, account_id):
    sampler.add_video(SAMPLED_VIDEO_ID)
    path = "/api/workers/tiktok-insights"
    assert error_code(client.post(path)) == (401, "UNAUTHORIZED")
    assert error_code(api_client.post(path))[0] == 401
    assert sampler.request_bodies(VIDEO_LIST_PATH) == []
    run = client.post(path, headers=WORKER_HEADERS).json
    assert run["result"] == {"total": 2, "answered": 2, "failed": 0, "skipped": 0, "errors": []}
    assert (run["success"], run["timestamp"][-1]) == (True, "Z")
    assert client.post(path, headers=WORKER_HEADERS).json["result"]["total"] == 0
    assert client.get(path).json["worker"] == "tiktok-insights"


def test_a_run_by_hand_reports_refused_accounts(client, sampler, publisher, account_id):
    publisher.server.behaviours[VIDEO_LIST_PATH] = lambda sock: sock.sendall(
        error_response(401, "scope_not_authorized")
    )
    result = client.post("/api/workers/tiktok-insights", headers=WORKER_HEADERS).json["result"]
    assert result["errors"] == [{"accountId": account_id, "error": "scope_not_authorized"}]


def test_a_disconnected_accounts_history_can_still_be_read(api_client, publisher, sampled_account):
    disconnected = {
        "status": "DISCONNECTED",
        "disconnected_at": func.now(),
        "access_token_encrypted": None,
    }
    publisher.factory.update_account(sampled_account, **disconnected)
    data = get_json(api_client, f"/api/tiktok/insights?account_id={sampled_account}")["data"]
    assert data["latest"]["followers"]["value"] == 7
    assert len(publisher.all(select(TikTokVideo))) == 1
