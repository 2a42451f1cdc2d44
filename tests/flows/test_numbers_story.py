"""Numbers from end to end: published, sampled by real workers, told; and killed in the middle."""

import pytest

from tests.flows.brokers import until

pytestmark = pytest.mark.timeout(180)

PATIENCE = 40.0  # seconds
PUBLIC = {"mode": "DIRECT", "privacy_level": "PUBLIC_TO_EVERYONE"}


@pytest.fixture(autouse=True)
def eager_numbers(house):
    """Videos have numbers from the first second, and they grow fast."""
    house.sandbox.control("settings", counters_seconds=0.0, views_per_hour=360_000.0)


def published(guest):
    """A post of which the public sees a video, and TikTok's id of that."""
    post = guest.send(**PUBLIC)
    guest.ended(post)
    until(lambda: guest.post(post)["platform_post_id"], within=PATIENCE, what="the video's id")
    return post, guest.post(post)["platform_post_id"]


def statistics(guest, post):
    listed = guest.told("GET", f"/api/tiktok/posts?account_id={guest.account}&limit=20")["posts"]
    return next(each["statistics"] for each in listed if each["id"] == post)


def points(guest, video):
    return guest.told("GET", f"/api/tiktok/insights?video_id={video}&step=raw")["data"]["points"]


def account(guest):
    return guest.told("GET", f"/api/tiktok/insights?account_id={guest.account}")["data"]


def fall_due(house, guest):
    """Stands for the minutes until the next numbers are due; the beat does the rest."""
    house.rows("UPDATE tiktok_videos SET due_at = now() WHERE oauth_account_id = %s", guest.account)
    house.rows(
        "INSERT INTO watches (oauth_account_id, due_at) VALUES (%s, now())"
        " ON CONFLICT (oauth_account_id) DO UPDATE SET due_at = now()",
        guest.account,
    )


def look(house, guest):
    """The same, and a look for new videos."""
    fall_due(house, guest)
    house.rows(
        "UPDATE watches SET list_due_at = now(), totals_due_at = now() WHERE oauth_account_id = %s",
        guest.account,
    )


def test_a_published_video_is_sampled_twice_and_its_history_shows_it(house, guest):
    post, video = published(guest)
    look(house, guest)
    until(lambda: statistics(guest, post), within=PATIENCE, what="the first numbers")
    first = statistics(guest, post)
    fall_due(house, guest)
    until(lambda: len(points(guest, video)) >= 2, within=PATIENCE, what="the second numbers")
    second = statistics(guest, post)
    assert second["video_ids"] == [video]
    assert second["views"] > first["views"]
    assert second["engagement_rate"] > 0
    views = [point["views"] for point in points(guest, video)]
    assert views == sorted(views)
    assert views[-1] == second["views"]
    until(lambda: account(guest)["latest"]["followers"], within=PATIENCE, what="its own numbers")
    whole = account(guest)
    assert whole["account"]["sampled"]
    assert whole["account"]["problem"] is None
    assert whole["latest"]["followers"]["value"] >= 1200
    assert whole["account"]["videos"]["views"] >= second["views"]


def test_a_worker_killed_while_it_asks_costs_a_sample_nothing_but_time(house, guest):
    post, video = published(guest)
    look(house, guest)
    until(lambda: statistics(guest, post), within=PATIENCE, what="the first numbers")
    before = len(points(guest, video))
    house.sandbox.control("faults", endpoint="video_query", kind="hang", seconds=60, times=1)
    asked = len(guest.calls("video_query"))
    fall_due(house, guest)
    until(lambda: len(guest.calls("video_query")) > asked, within=PATIENCE, what="the question")
    house.kill("worker")
    house.sandbox.control("faults", method="DELETE")
    house.lapse()
    until(lambda: len(points(guest, video)) > before, within=60.0, what="the numbers after all")
    rows = house.rows(
        "SELECT metric, taken_at, count(*) FROM metric_snapshots AS shot"
        " JOIN tiktok_videos AS video ON shot.subject_id = video.id"
        " WHERE shot.subject_type = 'video' AND video.video_id = %s"
        " GROUP BY metric, taken_at HAVING count(*) > 1",
        video,
    )
    assert rows == []


def test_a_video_that_its_creator_takes_down_is_said_to_be_missing(house, guest):
    post, _ = published(guest)
    look(house, guest)
    until(lambda: statistics(guest, post), within=PATIENCE, what="the first numbers")
    known = statistics(guest, post)["views"]
    publish_id = guest.post(post)["publish_id"]
    house.sandbox.control("settings", redelivery_seconds=3600.0)
    house.sandbox.control(f"posts/{publish_id}/withdraw", method="POST")
    fall_due(house, guest)
    until(
        lambda: statistics(guest, post)["missing_since"],
        within=PATIENCE,
        what="word of its absence",
    )
    assert statistics(guest, post)["views"] >= known > 0
