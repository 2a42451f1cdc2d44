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
