"""Numbers through the front door: mine, as text where they are ids, null where none was told."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from db.insights import MetricSnapshot
from db.records import TikTokPost
from db.videos import Video
from tests.app.conftest import BASE
from tests.app.publishing.numbers import VIDEO, account, counted, shop, switches
from tests.counting import LIST
from tests.platforms.script import refuses
from tests.publishing import A_PULL

__all__ = ["account", "counted", "shop", "switches"]  # fixtures

SECRET = {"X-Worker-Secret": BASE["WORKER_SECRET"]}
HOUR = timedelta(hours=1)


def told(program, path, status=200):
    answer = program.get(path)
    assert answer.status_code == status, answer.text
    return answer.json


def code(answer):
    return answer.status_code, answer.json["error"]["code"]


def test_videos_are_listed_with_their_latest_numbers(program, counted):
    (video,) = told(program, "/api/tiktok/videos")["data"]
    assert video["video_id"] == str(VIDEO)
    assert (video["account_id"], video["post_id"], video["title"]) == (counted, None, "A film")
    assert (video["views"], video["likes"], video["comments"]) == (100, 10, 4)
    assert (video["shares"], video["engagement_rate"]) == (None, None)
    assert (video["missing_since"], video["share_url"]) == (None, "https://t/7")
    assert video["counted_at"].endswith("Z")


def test_videos_come_in_pages_newest_first(program, shop, account):
    for number in range(1, 6):
        shop.shows(number, ago=HOUR * number)
    shop.enrols()
    shop.works(4)
    seen, cursor = [], ""
    for _ in range(3):
        page = told(program, f"/api/tiktok/videos?limit=2{cursor}")
        seen += [video["video_id"] for video in page["data"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == ["1", "2", "3", "4", "5"]
    assert page["next_cursor"] is None
    assert told(program, f"/api/tiktok/videos?account_id={account}&limit=1")["data"]
    assert told(program, "/api/tiktok/videos?account_id=999999")["data"] == []


def test_of_others_nothing_is_shown(mallory, program, counted):
    assert told(mallory, "/api/tiktok/videos")["data"] == []
    for query in (f"account_id={counted}", f"video_id={VIDEO}", "post_id=1"):
        assert code(mallory.get(f"/api/tiktok/insights?{query}")) == (404, "NOT_FOUND")
    assert code(mallory.get("/api/tiktok/insights")) == (403, "not_connected")


def test_a_key_needs_the_scope(a_program, alice, counted):
    program = a_program(alice, "posts:read")
    for path in ("/api/tiktok/videos", "/api/tiktok/insights"):
        assert code(program.get(path)) == (403, "FORBIDDEN")
    assert "statistics" not in str(told(program, "/api/tiktok/posts"))


def test_an_account_has_its_numbers_over_time(program, shop, counted):
    shop.people = {"follower_count": 2**40, "likes_count": 3}
    shop.due(counted)
    shop.works(4)
    data = told(program, "/api/tiktok/insights")["data"]
    assert (data["kind"], data["account_id"]) == ("account", counted)
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
    raw = told(program, "/api/tiktok/insights?step=raw&metric=followers")["data"]["points"]
    assert [point["followers"] for point in raw] == [7, 2**40]


def aged(desk, **ago):
    """As if this had been sampled so long ago."""
    with desk.database.transaction() as session:
        older = MetricSnapshot.taken_at - timedelta(**ago)
        session.execute(
            update(MetricSnapshot).values(taken_at=older),
            execution_options={"synchronize_session": False},
        )


def test_a_series_is_as_fine_as_asked_and_comes_in_pages(program, shop, counted, desk):
    for views in (110, 120, 130):
        aged(desk, minutes=20)
        shop.changes(VIDEO, view_count=views)
        shop.count_due(counted)
        shop.works(2)
    path = f"/api/tiktok/insights?video_id={VIDEO}"
    raw = told(program, f"{path}&step=raw")["data"]
    assert [point["views"] for point in raw["points"]] == [100, 110, 120, 130]
    assert {point["shares"] for point in raw["points"]} == {None}
    days = told(program, f"{path}&step=day")["data"]["points"]
    assert days[-1]["views"] == 130
    assert len(days) <= 2
    seen, cursor = [], ""
    while cursor is not None:
        page = told(program, f"{path}&step=raw&limit=3{cursor}")
        seen += [point["views"] for point in page["data"]["points"]]
        after = page["next_cursor"]
        cursor = after and f"&cursor={after}"
    assert seen == [100, 110, 120, 130]
    recent = raw["points"][2]["at"]
    assert len(told(program, f"{path}&step=raw&from={recent}")["data"]["points"]) == 2
    assert raw["video"]["views"] == raw["latest"]["views"]["value"] == 130


def test_how_fine_a_series_is_follows_from_its_span(program, counted):
    def step(days):
        begin = f"2026-01-{31 - days:02}T00:00:00Z"
        path = f"/api/tiktok/insights?from={begin}&to=2026-01-31T00:00:00Z"
        return told(program, path)["data"]["step"]

    assert (step(1), step(20)) == ("raw", "hour")
    year = "/api/tiktok/insights?from=2025-01-01T00:00:00Z&to=2026-01-01T00:00:00Z"
    assert told(program, year)["data"]["step"] == "day"


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
        (f"video_id={VIDEO}&account_id=1", "video_id"),
        (f"video_id={'9' * 256}", "video_id"),
    ],
)
def test_what_cannot_be_asked_is_said_so(program, counted, query, field):
    answer = program.get(f"/api/tiktok/insights?{query}")
    assert code(answer) == (400, "VALIDATION_ERROR")
    assert field in answer.json["error"]["details"]["fields"]


def test_with_several_accounts_one_is_named(program, shop, alice, counted):
    shop.account(user_id=alice.id)
    assert code(program.get("/api/tiktok/insights")) == (400, "account_required")
    assert told(program, f"/api/tiktok/insights?account_id={counted}")["success"]


def a_post(program, desk, account, *ids):
    answer = program.post(
        "/api/tiktok/upload",
        json={**A_PULL, "account_id": account},
        headers={"Prefer": "respond-async"},
    )
    post = answer.json["data"]["id"]
    desk.works(1)
    with desk.database.transaction() as session:
        mine = TikTokPost.ledger_id == post
        ids = {"publicaly_available_post_id": [str(each) for each in ids]} if ids else {}
        session.execute(update(TikTokPost).where(mine).values(details=ids))
    return post


def test_a_post_of_mine_has_the_numbers_of_its_video(program, desk, counted):
    unseen, seen = a_post(program, desk, counted), a_post(program, desk, counted, VIDEO)
    listed = told(program, "/api/tiktok/posts")
    numbers = {post["id"]: post["statistics"] for post in listed["posts"]}
    assert numbers[unseen] is None
    assert (numbers[seen]["views"], numbers[seen]["video_ids"]) == (100, [str(VIDEO)])
    assert set(listed["stats"]) == {"total", "processing", "inbox", "complete", "failed"}
    assert told(program, "/api/tiktok/videos")["data"][0]["post_id"] == seen
    data = told(program, f"/api/tiktok/insights?post_id={seen}")["data"]
    assert (data["kind"], data["video"]["video_id"], data["post_id"]) == ("video", str(VIDEO), seen)
    assert data["points"][-1]["views"] == 100
    nothing = told(program, f"/api/tiktok/insights?post_id={unseen}")["data"]
    assert (nothing["points"], nothing["latest"]["views"]) == ([], None)


def test_a_draft_posted_twice_counts_as_both_and_is_told_apart(program, shop, desk, account):
    for number in (7, 8):
        shop.shows(number)
    shop.enrols()
    shop.works(4)
    post = a_post(program, desk, account, 7, 8)
    (shown,) = told(program, "/api/tiktok/posts")["posts"]
    assert (shown["statistics"]["views"], shown["statistics"]["engagement_rate"]) == (200, 15.0)
    answer = program.get(f"/api/tiktok/insights?post_id={post}")
    assert code(answer) == (400, "VALIDATION_ERROR")
    assert answer.json["error"]["details"]["video_ids"] == ["7", "8"]
    assert told(program, "/api/tiktok/insights?video_id=8")["data"]["post_id"] == post


def test_a_video_that_is_gone_keeps_its_numbers_and_says_since_when(program, shop, desk, counted):
    post = a_post(program, desk, counted, VIDEO)
    shop.hides(VIDEO)
    shop.count_due(counted)
    shop.works(2)
    (shown,) = told(program, "/api/tiktok/posts")["posts"]
    assert (shown["id"], shown["statistics"]["views"]) == (post, 100)
    assert shown["statistics"]["missing_since"].endswith("Z")
    assert told(program, "/api/tiktok/insights")["data"]["account"]["videos"]["videos"] == 0


def test_why_no_numbers_come_is_said(program, shop, counted):
    shop.refuses(LIST, 401, "scope_not_authorized")
    shop.due(counted)
    shop.works(3)
    account = told(program, "/api/tiktok/insights")["data"]["account"]
    assert (account["sampled"], account["problem"]) == (True, "scope_not_authorized")


def test_without_the_permission_that_is_said(program, shop, alice):
    shop.account(user_id=alice.id, scope="user.info.basic")
    account = told(program, "/api/tiktok/insights")["data"]["account"]
    assert (account["sampled"], account["problem"]) == (False, "scope_not_authorized")
    assert account["next_sample_at"] is None


def test_the_worker_is_set_going_by_its_secret_alone(client, program, shop, account):
    shop.shows(VIDEO)
    path = "/api/workers/tiktok-insights"
    assert code(client.post(path)) == (401, "UNAUTHORIZED")
    assert code(program.post(path))[0] == 401
    assert shop.calls(LIST) == []
    done = client.post(path, headers=SECRET).json
    assert done["result"] == {"total": 2, "answered": 2, "failed": 0, "skipped": 0, "errors": []}
    assert (done["success"], done["timestamp"][-1]) == (True, "Z")
    assert client.post(path, headers=SECRET).json["result"]["total"] == 0
    assert client.get(path).json["worker"] == "tiktok-insights"


def test_a_run_by_hand_names_who_was_refused(client, shop, desk, account):
    desk.server.manners[LIST] = lambda sock: sock.sendall(refuses(401, "scope_not_authorized"))
    done = client.post("/api/workers/tiktok-insights", headers=SECRET).json["result"]
    assert done["errors"] == [{"accountId": account, "error": "scope_not_authorized"}]


def test_a_disconnected_accounts_history_can_still_be_read(program, desk, counted):
    gone = {
        "status": "DISCONNECTED",
        "disconnected_at": func.now(),
        "access_token_encrypted": None,
    }
    desk.tenants.change(counted, **gone)
    data = told(program, f"/api/tiktok/insights?account_id={counted}")["data"]
    assert data["latest"]["followers"]["value"] == 7
    assert len(desk.all(select(Video))) == 1
