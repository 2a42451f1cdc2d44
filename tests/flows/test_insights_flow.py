"""Insights end to end: a video is published, sampled by real workers and shown by the API."""

import pytest

from tests.flows.brokers import wait_until

SAMPLE_TIMEOUT = 90.0  # seconds
PUBLIC_FIELDS = {"mode": "DIRECT", "privacy_level": "PUBLIC_TO_EVERYONE"}


@pytest.fixture(autouse=True)
def fast_counters(stack):
    """The sandbox's counters start at once and grow fast."""
    stack.sandbox.control("settings", counters_seconds=0.0, views_per_hour=360_000.0)


def publish_video(api_user):
    """Publish a public video; return the post's id and TikTok's id of the video."""
    post_id = api_user.publish_file(**PUBLIC_FIELDS)
    api_user.wait_until_final(post_id)
    wait_until(
        lambda: api_user.get_post(post_id)["platform_post_id"],
        within=SAMPLE_TIMEOUT,
        what="the video's id",
    )
    return post_id, api_user.get_post(post_id)["platform_post_id"]


def load_statistics(api_user, post_id):
    posts = api_user.call_json(
        "GET", f"/api/tiktok/posts?account_id={api_user.account_id}&limit=20"
    )["posts"]
    return next(listed_post["statistics"] for listed_post in posts if listed_post["id"] == post_id)


def load_points(api_user, video_id):
    return api_user.call_json("GET", f"/api/tiktok/insights?video_id={video_id}&step=raw")["data"][
        "points"
    ]


def load_account_insights(api_user):
    return api_user.call_json("GET", f"/api/tiktok/insights?account_id={api_user.account_id}")[
        "data"
    ]


def make_due(stack, api_user):
    """Make the metrics due instead of waiting for minutes; beat then starts the sampling."""
    stack.query(
        "UPDATE tiktok_videos SET due_at = now() WHERE oauth_account_id = %s", api_user.account_id
    )
    stack.query(
        "INSERT INTO watches (oauth_account_id, due_at) VALUES (%s, now())"
        " ON CONFLICT (oauth_account_id) WHERE destination_id IS NULL DO UPDATE SET due_at = now()",
        api_user.account_id,
    )


def make_all_due(stack, api_user):
    """Make the metrics, the listing of new videos and the totals due."""
    make_due(stack, api_user)
    stack.query(
        "UPDATE watches SET list_due_at = now(), totals_due_at = now() WHERE oauth_account_id = %s",
        api_user.account_id,
    )


def test_a_published_video_is_sampled_twice_and_its_history_shows_it(stack, api_user):
    post, video = publish_video(api_user)
    make_all_due(stack, api_user)
    wait_until(
        lambda: load_statistics(api_user, post), within=SAMPLE_TIMEOUT, what="the first metrics"
    )
    first = load_statistics(api_user, post)
    make_due(stack, api_user)
    wait_until(
        lambda: len(load_points(api_user, video)) >= 2,
        within=SAMPLE_TIMEOUT,
        what="the second metrics",
    )
    second = load_statistics(api_user, post)
    assert second["video_ids"] == [video]
    assert second["views"] > first["views"]
    assert second["engagement_rate"] > 0
    views = [point["views"] for point in load_points(api_user, video)]
    assert views == sorted(views)
    assert views[-1] == second["views"]
    wait_until(
        lambda: load_account_insights(api_user)["latest"]["followers"],
        within=SAMPLE_TIMEOUT,
        what="the account's totals",
    )
    insights = load_account_insights(api_user)
    assert insights["account"]["sampled"]
    assert insights["account"]["problem"] is None
    assert insights["latest"]["followers"]["value"] >= 1200
    assert insights["account"]["videos"]["views"] >= second["views"]


def test_a_worker_killed_while_sampling_costs_nothing_but_time(stack, api_user):
    post, video = publish_video(api_user)
    make_all_due(stack, api_user)
    wait_until(
        lambda: load_statistics(api_user, post), within=SAMPLE_TIMEOUT, what="the first metrics"
    )
    before = len(load_points(api_user, video))
    stack.sandbox.control("faults", endpoint="video_query", kind="hang", seconds=60, times=1)
    calls_before = len(api_user.list_platform_calls("video_query"))
    make_due(stack, api_user)
    wait_until(
        lambda: len(api_user.list_platform_calls("video_query")) > calls_before,
        within=SAMPLE_TIMEOUT,
        what="the request",
    )
    stack.kill("worker")
    stack.sandbox.control("faults", method="DELETE")
    stack.expire_leases()
    wait_until(
        lambda: len(load_points(api_user, video)) > before,
        within=SAMPLE_TIMEOUT,
        what="the metrics after the restart",
    )
    rows = stack.query(
        "SELECT metric, taken_at, count(*) FROM metric_snapshots AS shot"
        " JOIN tiktok_videos AS video ON shot.subject_id = video.id"
        " WHERE shot.subject_type = 'video' AND video.video_id = %s"
        " GROUP BY metric, taken_at HAVING count(*) > 1",
        video,
    )
    assert rows == []


def test_a_removed_video_is_reported_as_missing(stack, api_user):
    post, _ = publish_video(api_user)
    make_all_due(stack, api_user)
    wait_until(
        lambda: load_statistics(api_user, post), within=SAMPLE_TIMEOUT, what="the first metrics"
    )
    views_before = load_statistics(api_user, post)["views"]
    publish_id = api_user.get_post(post)["publish_id"]
    stack.sandbox.control("settings", redelivery_seconds=3600.0)
    stack.sandbox.control(f"posts/{publish_id}/withdraw", method="POST")
    make_due(stack, api_user)
    wait_until(
        lambda: load_statistics(api_user, post)["missing_since"],
        within=SAMPLE_TIMEOUT,
        what="the video to be marked missing",
    )
    assert load_statistics(api_user, post)["views"] >= views_before > 0
