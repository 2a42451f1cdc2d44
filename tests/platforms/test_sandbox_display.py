"""Profile and videos as the sandbox shows them: granted fields, public posts, nothing else."""

import pytest

LIST, QUERY = "/v2/video/list/?fields=id,title,create_time", "/v2/video/query/?fields=id"


def user(sandbox, person, fields):
    return sandbox.ask("GET", f"/v2/user/info/?fields={fields}", token=person.access)


def a_public_post(sandbox, person, **info):
    sandbox.uploaded(person, privacy_level="PUBLIC_TO_EVERYONE", **info)
    sandbox.settle(11)  # of the six starts a minute, and to tell their times apart


def test_a_profile_has_the_fields_asked_for(sandbox):
    person = sandbox.connect(nickname="Ada")
    told = user(sandbox, person, "open_id,display_name,follower_count").data["user"]
    assert told == {"open_id": person.open_id, "display_name": "Ada", "follower_count": 1200}


def test_one_field_too_many_fails_the_whole_call(sandbox):
    person = sandbox.connect(scopes="video.list")
    answer = user(sandbox, person, "open_id,follower_count")
    assert (answer.status, answer.code) == (401, "scope_not_authorized")


@pytest.mark.parametrize("fields", ["", "open_id,shoe_size"])
def test_fields_have_to_be_known(sandbox, fields):
    answer = user(sandbox, sandbox.connect(), fields)
    assert (answer.status, answer.code) == (400, "invalid_params")


def test_videos_come_newest_first_and_in_pages(sandbox):
    person = sandbox.connect()
    for title in ("one", "two", "three"):
        a_public_post(sandbox, person, title=title)
    page = sandbox.api(LIST, person, {"max_count": 2}).data
    rest = sandbox.api(LIST, person, {"max_count": 2, "cursor": page["cursor"]}).data
    assert [one["title"] for one in page["videos"]] == ["three", "two"]
    assert [one["title"] for one in rest["videos"]] == ["one"]
    assert (page["has_more"], rest["has_more"]) == (True, False)


def test_private_posts_are_not_listed(sandbox):
    person = sandbox.connect()
    sandbox.uploaded(person, privacy_level="SELF_ONLY")
    assert sandbox.api(LIST, person, {}).data["videos"] == []


def test_videos_of_others_are_missing_from_the_answer(sandbox):
    person, other = sandbox.connect(), sandbox.connect()
    for one in (person, other):
        a_public_post(sandbox, one)
    ids = [sandbox.api(LIST, one, {}).data["videos"][0]["id"] for one in (person, other)]
    found = sandbox.api(QUERY, person, {"filters": {"video_ids": ids}}).data["videos"]
    assert found == [{"id": ids[0]}]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (LIST, {"max_count": 21}),
        (LIST, {"max_count": 0}),
        (LIST, {"cursor": "now"}),
        ("/v2/video/list/", {}),
        (QUERY, {}),
        (QUERY, {"filters": {"video_ids": []}}),
        (QUERY, {"filters": {"video_ids": ["1"] * 21}}),
    ],
)
def test_wrong_questions_are_refused(sandbox, path, body):
    answer = sandbox.api(path, sandbox.connect(), body)
    assert (answer.status, answer.code) == (400, "invalid_params")


COUNTED = "/v2/video/query/?fields=id,view_count,like_count,comment_count,share_count"


def counters(sandbox, person, ids):
    videos = sandbox.api(COUNTED, person, {"filters": {"video_ids": ids}}).data["videos"]
    return {one.pop("id"): one for one in videos}


def shown(sandbox, person):
    return [one["id"] for one in sandbox.api(LIST, person, {}).data["videos"]]


@pytest.mark.parametrize("ids", [[7], [None], ["seven"], [["7"]]])
def test_ids_are_texts_of_digits(sandbox, ids):
    answer = sandbox.api(QUERY, sandbox.connect(), {"filters": {"video_ids": ids}})
    assert (answer.status, answer.code) == (400, "invalid_params")


@pytest.mark.parametrize("cursor", [1_770_210_873, -1, 1.5, True])
def test_a_cursor_in_anything_but_milliseconds_is_refused(sandbox, cursor):
    answer = sandbox.api(LIST, sandbox.connect(), {"cursor": cursor})
    assert (answer.status, answer.code) == (400, "invalid_params")


@pytest.mark.parametrize(("path", "body"), [(LIST, {}), (QUERY, {"filters": {"video_ids": ["1"]}})])
def test_without_the_scope_nothing_is_shown(sandbox, path, body):
    answer = sandbox.api(path, sandbox.connect(scopes="user.info.basic,user.info.stats"), body)
    assert (answer.status, answer.code) == (401, "scope_not_authorized")


def test_numbers_are_absent_at_first_and_then_grow_by_the_clock(sandbox):
    sandbox.control("settings", counters_seconds=60.0)
    person = sandbox.connect()
    a_public_post(sandbox, person)
    ids = shown(sandbox, person)
    assert counters(sandbox, person, ids) == {ids[0]: {}}
    sandbox.settle(1800)
    first = counters(sandbox, person, ids)[ids[0]]
    sandbox.settle(1800)
    second = counters(sandbox, person, ids)[ids[0]]
    assert set(first) == {"view_count", "like_count", "comment_count", "share_count"}
    assert all(second[name] > first[name] > 0 for name in first)
    told = user(sandbox, person, "follower_count,likes_count,video_count").data["user"]
    assert told["follower_count"] > 1200
    assert told["likes_count"] >= 56_789 + second["like_count"]
    assert told["video_count"] == 1


def test_numbers_may_be_set_and_taken_away(sandbox):
    person = sandbox.connect()
    a_public_post(sandbox, person)
    publish_id = next(
        one["publish_id"]
        for one in sandbox.control("posts")["posts"]
        if one["open_id"] == person.open_id
    )
    sandbox.control(f"posts/{publish_id}/count", view_count=2**40, like_count=None, share_count=-3)
    (told,) = counters(sandbox, person, shown(sandbox, person)).values()
    assert (told["view_count"], told["share_count"], "like_count" in told) == (2**40, -3, False)


def test_of_a_creator_gone_private_nothing_is_shown(sandbox):
    person = sandbox.connect()
    a_public_post(sandbox, person)
    ids = shown(sandbox, person)
    sandbox.control("creators", open_id=person.open_id, private=True)
    assert (shown(sandbox, person), counters(sandbox, person, ids)) == ([], {})


def test_questions_are_counted_by_the_minute_and_endpoint(sandbox):
    sandbox.control("settings", display_per_minute=2)
    person = sandbox.connect()
    codes = [sandbox.api(LIST, person, {}).code for _ in range(3)]
    assert codes == ["ok", "ok", "rate_limit_exceeded"]
    assert user(sandbox, person, "open_id").code == "ok"  # counted for each endpoint apart
