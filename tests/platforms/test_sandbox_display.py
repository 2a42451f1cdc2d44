"""The sandbox's Display API: only granted fields, and only public posts."""

import pytest

VIDEO_LIST_PATH, VIDEO_QUERY_PATH = (
    "/v2/video/list/?fields=id,title,create_time",
    "/v2/video/query/?fields=id",
)


def fetch_user_info(sandbox, creator, fields):
    return sandbox.send("GET", f"/v2/user/info/?fields={fields}", token=creator.access_token)


def publish_video(sandbox, creator, **info):
    sandbox.upload_video(creator, privacy_level="PUBLIC_TO_EVERYONE", **info)
    sandbox.advance_clock(11)  # six starts a minute are allowed; also makes their times differ


def test_a_profile_has_the_requested_fields(sandbox):
    creator = sandbox.connect_creator(nickname="Ada")
    user = fetch_user_info(sandbox, creator, "open_id,display_name,follower_count").data["user"]
    assert user == {"open_id": creator.open_id, "display_name": "Ada", "follower_count": 1200}


def test_one_field_too_many_fails_the_whole_call(sandbox):
    creator = sandbox.connect_creator(scopes="video.list")
    answer = fetch_user_info(sandbox, creator, "open_id,follower_count")
    assert (answer.status, answer.code) == (401, "scope_not_authorized")


@pytest.mark.parametrize("fields", ["", "open_id,shoe_size"])
def test_unknown_fields_or_none_are_refused(sandbox, fields):
    answer = fetch_user_info(sandbox, sandbox.connect_creator(), fields)
    assert (answer.status, answer.code) == (400, "invalid_params")


def test_videos_come_newest_first_and_in_pages(sandbox):
    creator = sandbox.connect_creator()
    for title in ("one", "two", "three"):
        publish_video(sandbox, creator, title=title)
    page = sandbox.call_api(VIDEO_LIST_PATH, creator, {"max_count": 2}).data
    next_page = sandbox.call_api(
        VIDEO_LIST_PATH, creator, {"max_count": 2, "cursor": page["cursor"]}
    ).data
    assert [video["title"] for video in page["videos"]] == ["three", "two"]
    assert [video["title"] for video in next_page["videos"]] == ["one"]
    assert (page["has_more"], next_page["has_more"]) == (True, False)


def test_private_posts_are_not_listed(sandbox):
    creator = sandbox.connect_creator()
    sandbox.upload_video(creator, privacy_level="SELF_ONLY")
    assert sandbox.call_api(VIDEO_LIST_PATH, creator, {}).data["videos"] == []


def test_videos_of_others_are_missing_from_the_answer(sandbox):
    creator, other = sandbox.connect_creator(), sandbox.connect_creator()
    publish_video(sandbox, creator)
    publish_video(sandbox, other)
    (own_id,), (other_id,) = list_video_ids(sandbox, creator), list_video_ids(sandbox, other)
    filters = {"video_ids": [own_id, other_id]}
    answer = sandbox.call_api(VIDEO_QUERY_PATH, creator, {"filters": filters})
    assert answer.data["videos"] == [{"id": own_id}]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (VIDEO_LIST_PATH, {"max_count": 21}),
        (VIDEO_LIST_PATH, {"max_count": 0}),
        (VIDEO_LIST_PATH, {"cursor": "now"}),
        ("/v2/video/list/", {}),
        (VIDEO_QUERY_PATH, {}),
        (VIDEO_QUERY_PATH, {"filters": {"video_ids": []}}),
        (VIDEO_QUERY_PATH, {"filters": {"video_ids": ["1"] * 21}}),
    ],
)
def test_invalid_queries_are_refused(sandbox, path, body):
    answer = sandbox.call_api(path, sandbox.connect_creator(), body)
    assert (answer.status, answer.code) == (400, "invalid_params")


COUNTERS_QUERY_PATH = "/v2/video/query/?fields=id,view_count,like_count,comment_count,share_count"


def fetch_counters(sandbox, creator, ids):
    videos = sandbox.call_api(COUNTERS_QUERY_PATH, creator, {"filters": {"video_ids": ids}}).data[
        "videos"
    ]
    return {video.pop("id"): video for video in videos}


def list_video_ids(sandbox, creator):
    videos = sandbox.call_api(VIDEO_LIST_PATH, creator, {}).data["videos"]
    return [video["id"] for video in videos]


@pytest.mark.parametrize("ids", [[7], [None], ["seven"], [["7"]]])
def test_ids_are_texts_of_digits(sandbox, ids):
    answer = sandbox.call_api(
        VIDEO_QUERY_PATH, sandbox.connect_creator(), {"filters": {"video_ids": ids}}
    )
    assert (answer.status, answer.code) == (400, "invalid_params")


@pytest.mark.parametrize("cursor", [1_770_210_873, -1, 1.5, True])
def test_a_cursor_in_anything_but_milliseconds_is_refused(sandbox, cursor):
    answer = sandbox.call_api(VIDEO_LIST_PATH, sandbox.connect_creator(), {"cursor": cursor})
    assert (answer.status, answer.code) == (400, "invalid_params")


@pytest.mark.parametrize(
    ("path", "body"), [(VIDEO_LIST_PATH, {}), (VIDEO_QUERY_PATH, {"filters": {"video_ids": ["1"]}})]
)
def test_without_the_scope_nothing_is_returned(sandbox, path, body):
    answer = sandbox.call_api(
        path, sandbox.connect_creator(scopes="user.info.basic,user.info.stats"), body
    )
    assert (answer.status, answer.code) == (401, "scope_not_authorized")


def test_counters_are_absent_at_first_and_then_grow_with_time(sandbox):
    sandbox.control("settings", counters_seconds=60.0)
    creator = sandbox.connect_creator()
    publish_video(sandbox, creator)
    ids = list_video_ids(sandbox, creator)
    assert fetch_counters(sandbox, creator, ids) == {ids[0]: {}}
    sandbox.advance_clock(1800)
    first = fetch_counters(sandbox, creator, ids)[ids[0]]
    sandbox.advance_clock(1800)
    second = fetch_counters(sandbox, creator, ids)[ids[0]]
    assert set(first) == {"view_count", "like_count", "comment_count", "share_count"}
    assert all(second[name] > first[name] > 0 for name in first)
    user = fetch_user_info(sandbox, creator, "follower_count,likes_count,video_count").data["user"]
    assert user["follower_count"] > 1200
    assert user["likes_count"] >= 56_789 + second["like_count"]
    assert user["video_count"] == 1


def test_counters_may_be_set_and_removed(sandbox):
    creator = sandbox.connect_creator()
    publish_video(sandbox, creator)
    publish_id = next(
        post["publish_id"]
        for post in sandbox.control("posts")["posts"]
        if post["open_id"] == creator.open_id
    )
    sandbox.control(f"posts/{publish_id}/count", view_count=2**40, like_count=None, share_count=-3)
    (counts,) = fetch_counters(sandbox, creator, list_video_ids(sandbox, creator)).values()
    assert counts["view_count"] == 2**40
    assert counts["share_count"] == -3
    assert "like_count" not in counts


def test_videos_of_a_private_creator_are_not_returned(sandbox):
    creator = sandbox.connect_creator()
    publish_video(sandbox, creator)
    ids = list_video_ids(sandbox, creator)
    sandbox.control("creators", open_id=creator.open_id, private=True)
    assert (list_video_ids(sandbox, creator), fetch_counters(sandbox, creator, ids)) == ([], {})


def test_calls_are_limited_per_minute_and_endpoint(sandbox):
    sandbox.control("settings", display_per_minute=2)
    creator = sandbox.connect_creator()
    codes = [sandbox.call_api(VIDEO_LIST_PATH, creator, {}).code for _ in range(3)]
    assert codes == ["ok", "ok", "rate_limit_exceeded"]
    assert fetch_user_info(sandbox, creator, "open_id").code == "ok"
