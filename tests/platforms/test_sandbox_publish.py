"""Starting posts in the sandbox: which requests are refused, with which code and status."""

import re

import pytest

from platforms.sandbox.tiktok.rate_counter import RateCounter
from tests.platforms.raw_sandbox_client import DIRECT_INIT_PATH, INBOX_INIT_PATH, file_source

PHOTO_INIT_PATH, STATUS_PATH = "/v2/post/publish/content/init/", "/v2/post/publish/status/fetch/"
BAD_CHUNK_SIZE, BAD_CHUNK_COUNT = "The chunk size is invalid", "The total chunk count is invalid"
BAD_SOURCE_INFO = "The request source info is empty or incorrect"
BAD_POST_INFO = "The request post info is empty or incorrect"
MB, MIB = 1_000_000, 1024 * 1024


def error_of(answer):
    error = answer.json["error"]
    assert set(error) == {"code", "message", "log_id"}
    assert answer.headers["x-tt-logid"] == error["log_id"]
    return answer.status, error["code"]


@pytest.mark.parametrize(
    ("size", "chunk", "count", "message"),
    [
        (50_000_123, 10 * MB, 5, None),
        (50_000_123, 10 * MB, 6, BAD_CHUNK_COUNT),  # rounded up
        (4_000_000, 4_000_000, 1, None),
        (4_000_000, 2_000_000, 2, BAD_CHUNK_SIZE),
        (64 * MB, 64 * MB, 1, None),
        (64 * MB + 1, 64 * MB + 1, 1, BAD_CHUNK_SIZE),
        (15 * MB, 10 * MB, 1, BAD_CHUNK_SIZE),  # one chunk is the whole file
        (70 * MB, 64 * MB, 1, BAD_CHUNK_SIZE),
        (4_000 * MB, 64 * MB, 62, None),
        (4_000 * MB + 1, 64 * MB, 62, BAD_SOURCE_INFO),
        (10 * MB, 5 * MB, 0, BAD_SOURCE_INFO),
        (0, 5 * MB, 1, BAD_SOURCE_INFO),
        (True, 5 * MB, 1, BAD_SOURCE_INFO),
        ("5000000", 5 * MB, 1, BAD_SOURCE_INFO),
        (None, 5 * MB, 1, BAD_SOURCE_INFO),
    ],
)
def test_a_chunk_plan_is_validated(sandbox, size, chunk, count, message):
    plan = {"video_size": size, "chunk_size": chunk, "total_chunk_count": count}
    answer = sandbox.start_inbox_video(sandbox.connect_creator(), 1000, **plan)
    if message is None:
        assert answer.data["upload_url"]
    else:
        assert error_of(answer) == (400, "invalid_params")
        assert answer.json["error"]["message"] == message


@pytest.mark.parametrize(
    ("size", "chunk", "count", "fits"),
    [(64 * MIB, 64 * MIB, 1, True), (64 * MIB + 1, 64 * MIB + 1, 1, False), (9 * MB, MB, 9, False)],
)
def test_mb_can_be_read_as_mib(sandbox, size, chunk, count, fits):
    sandbox.control("settings", lenient_chunks=True)
    plan = {"video_size": size, "chunk_size": chunk, "total_chunk_count": count}
    answer = sandbox.start_inbox_video(sandbox.connect_creator(), 1000, **plan)
    assert answer.json["error"]["message"] == ("" if fits else BAD_CHUNK_SIZE)
    sandbox.control("settings", lenient_chunks=False)
    assert (
        sandbox.start_inbox_video(sandbox.connect_creator(), 1000, **plan).json["error"]["message"]
        == BAD_CHUNK_SIZE
    )


@pytest.mark.parametrize("source", [{}, {"source": "FTP"}, {"source": "PULL_FROM_URL"}])
def test_a_source_has_to_be_complete(sandbox, source):
    answer = sandbox.call_api(INBOX_INIT_PATH, sandbox.connect_creator(), {"source_info": source})
    assert answer.json["error"]["message"] == BAD_SOURCE_INFO


@pytest.mark.parametrize("body", [None, [], {}, {"source_info": []}])
def test_a_body_of_another_form_is_refused(sandbox, body):
    assert error_of(sandbox.call_api(INBOX_INIT_PATH, sandbox.connect_creator(), body)) == (
        400,
        "invalid_params",
    )


@pytest.mark.parametrize(
    "info",
    [
        {"title": "a" * 2201},
        {"title": "\N{GRINNING FACE}" * 1101},
        {"privacy_level": "EVERYBODY"},
        {"disable_duet": "true"},
        {"auto_add_music": True},
        {"caption": "?"},
    ],
)
def test_wrong_post_info_is_refused(sandbox, info):
    answer = sandbox.start_direct_video(sandbox.connect_creator(), **info)
    assert answer.json["error"]["message"] == BAD_POST_INFO


def test_a_title_is_counted_in_utf_16(sandbox):
    assert sandbox.start_direct_video(
        sandbox.connect_creator(), title="\N{GRINNING FACE}" * 1100
    ).data


@pytest.mark.parametrize(
    ("private", "level"),
    [(True, "PUBLIC_TO_EVERYONE"), (False, "FOLLOWER_OF_CREATOR"), (False, None)],
)
def test_the_privacy_level_has_to_be_among_the_options(sandbox, private, level):
    creator = sandbox.connect_creator(private=private)
    info = {"privacy_level": level} if level else {}
    answer = sandbox.call_api(
        DIRECT_INIT_PATH, creator, {"post_info": info, "source_info": file_source(1000)}
    )
    assert error_of(answer) == (403, "privacy_level_option_mismatch")


@pytest.mark.parametrize(
    ("private", "level"), [(False, "SELF_ONLY"), (True, "MUTUAL_FOLLOW_FRIENDS")]
)
def test_an_unaudited_app_posts_for_private_accounts_only(sandbox, private, level):
    sandbox.control("settings", audited=False, unaudited_users=0)
    answer = sandbox.start_direct_video(
        sandbox.connect_creator(private=private), privacy_level=level
    )
    code = "unaudited_client_can_only_post_to_private_accounts"
    assert error_of(answer) == (403, code)
    assert sandbox.start_direct_video(sandbox.connect_creator(private=True)).data


def test_an_unaudited_app_serves_five_creators_a_day(sandbox):
    sandbox.advance_clock(86_400)
    sandbox.control("settings", audited=False)
    creators = [sandbox.connect_creator(private=True) for _ in range(5)]
    assert all(sandbox.start_direct_video(creator).data for creator in creators)
    sixth = sandbox.connect_creator(private=True)
    assert error_of(sandbox.start_direct_video(sixth)) == (403, "reached_active_user_cap")
    assert sandbox.start_direct_video(creators[0]).data
    answer = sandbox.call_api("/v2/post/publish/creator_info/query/", sixth)
    assert error_of(answer) == (200, "reached_active_user_cap")


def test_an_audited_app_serves_as_many_creators_a_day_as_configured(sandbox):
    sandbox.advance_clock(86_400)
    sandbox.control("settings", active_user_cap=2)
    creators = [sandbox.connect_creator() for _ in range(2)]
    assert all(sandbox.start_direct_video(creator).data for creator in creators)
    third = sandbox.connect_creator()
    assert error_of(sandbox.start_direct_video(third)) == (403, "reached_active_user_cap")
    assert sandbox.start_direct_video(creators[1]).data
    sandbox.advance_clock(86_400)
    assert sandbox.start_direct_video(sandbox.connect_creator()).data


@pytest.mark.parametrize(
    ("traits", "code"),
    [
        ({"banned": True}, "spam_risk_user_banned_from_posting"),
        ({"posts_elsewhere": 15}, "spam_risk_too_many_posts"),
    ],
)
def test_creator_info_reports_a_creator_who_may_not_post_with_status_200(sandbox, traits, code):
    creator = sandbox.connect_creator(**traits)
    answer = sandbox.call_api("/v2/post/publish/creator_info/query/", creator)
    assert error_of(answer) == (200, code)
    assert error_of(sandbox.start_direct_video(creator)) == (403, code)


def test_the_daily_cap_is_shared_with_other_apps(sandbox):
    creator = sandbox.connect_creator(posts_elsewhere=14)
    assert sandbox.start_direct_video(creator).data
    assert sandbox.start_direct_video(creator).code == "spam_risk_too_many_posts"


def test_five_drafts_may_be_pending_within_a_day(sandbox):
    creator = sandbox.connect_creator()
    for _ in range(5):
        sandbox.upload_video(creator)
    assert error_of(sandbox.start_inbox_video(creator)) == (403, "spam_risk_too_many_pending_share")
    sandbox.advance_clock(86_400)
    access_token = sandbox.refresh_tokens(creator.refresh_token).json["access_token"]
    assert sandbox.start_inbox_video(access_token).data


def test_a_failed_draft_is_not_pending(sandbox):
    creator = sandbox.connect_creator(fail_reason="internal")
    for _ in range(5):
        sandbox.upload_video(creator)
    sandbox.advance_clock(61)
    assert sandbox.start_inbox_video(creator).data


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        (INBOX_INIT_PATH, 6),
        (DIRECT_INIT_PATH, 6),
        (PHOTO_INIT_PATH, 6),
        ("/v2/post/publish/creator_info/query/", 20),
        ("/v2/post/publish/status/fetch/", 30),
        ("/v2/user/info/?fields=open_id", None),
    ],
)
def test_calls_are_counted_per_token_in_sliding_minutes(sandbox, path, limit):
    if limit is None:
        limit = sandbox.control("settings", display_per_minute=7)["display_per_minute"]
    creator, other = sandbox.connect_creator(), sandbox.connect_creator()
    method = "GET" if "?" in path else "POST"

    def error_code(caller):
        return sandbox.send(method, path, token=caller.access_token).json["error"]["code"]

    assert "rate_limit_exceeded" not in {error_code(creator) for _ in range(limit)}
    assert error_code(creator) == "rate_limit_exceeded"
    assert error_code(other) != "rate_limit_exceeded"
    sandbox.advance_clock(61)
    assert error_code(creator) != "rate_limit_exceeded"


def test_the_default_limits_are_the_documented_ones(sandbox):
    defaults = sandbox.control("settings", method="DELETE")
    names = ("init", "creator", "status", "display")
    assert [defaults[f"{name}_per_minute"] for name in names] == [6, 20, 30, 600]


def test_six_hundred_calls_fit_into_a_sliding_minute():
    counter = RateCounter()

    def is_allowed(now):
        return counter.allow("act.x", "user_info", limit=600, now=now)

    assert all(is_allowed(number / 10) for number in range(600))  # the last at 59.9 s
    assert not is_allowed(59.95)
    assert is_allowed(60.0)  # only the first call has left the window
    assert not is_allowed(60.05)
    assert counter.allow("act.x", "video_list", limit=600, now=60.05)
    assert counter.allow("act.y", "user_info", limit=600, now=60.05)


@pytest.mark.parametrize(
    ("scopes", "path"),
    [
        ("video.upload", DIRECT_INIT_PATH),
        ("video.publish", INBOX_INIT_PATH),
        ("video.upload", "/v2/post/publish/creator_info/query/"),
        ("video.list", STATUS_PATH),
        ("video.list", "/v2/post/publish/cancel/"),
        ("video.list", PHOTO_INIT_PATH),
        ("video.upload", "/v2/video/list/?fields=id"),
    ],
)
def test_each_call_requires_its_scope(sandbox, scopes, path):
    answer = sandbox.call_api(path, sandbox.connect_creator(scopes=scopes), {})
    assert error_of(answer) == (401, "scope_not_authorized")


@pytest.mark.parametrize("header", [{}, {"Authorization": "act.x"}, {"Authorization": "Basic x"}])
def test_a_call_without_a_valid_token_is_refused(sandbox, header):
    answer = sandbox.send("POST", INBOX_INIT_PATH, "{}", header)
    assert error_of(answer) == (401, "access_token_invalid")


def test_a_success_has_the_envelope_too(sandbox):
    creator = sandbox.connect_creator()
    started = sandbox.start_inbox_video(creator)
    status = sandbox.call_api(STATUS_PATH, creator, {"publish_id": started.data["publish_id"]})
    for answer in (started, status):
        assert set(answer.json) == {"data", "error"}
        assert set(answer.json["error"]) == {"code", "message", "log_id"}
        assert re.fullmatch(r"\d{14}[0-9A-F]{18,20}", answer.headers["x-tt-logid"])
        assert answer.headers["x-tt-logid"] == answer.json["error"]["log_id"]
    assert set(started.data) == {"publish_id", "upload_url"}
    assert set(status.data) == {"status", "publicaly_available_post_id", "uploaded_bytes"}


def test_a_path_without_its_final_slash_is_not_found(sandbox):
    answer = sandbox.call_api(INBOX_INIT_PATH.rstrip("/"), sandbox.connect_creator(), {})
    assert (answer.status, "Location" in answer.headers) == (404, False)


def test_an_inbox_post_tolerates_post_info(sandbox):
    body = {"source_info": file_source(1000), "post_info": {"anything": 1}}
    assert sandbox.call_api(INBOX_INIT_PATH, sandbox.connect_creator(), body).data


def test_the_creators_options_depend_on_the_account(sandbox):
    path = "/v2/post/publish/creator_info/query/"
    public = sandbox.call_api(path, sandbox.connect_creator()).data
    private = sandbox.call_api(
        path, sandbox.connect_creator(private=True, comment_disabled=True)
    ).data
    levels = ["MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]
    assert public["privacy_level_options"] == ["PUBLIC_TO_EVERYONE", *levels]
    assert private["privacy_level_options"] == ["FOLLOWER_OF_CREATOR", *levels]
    flags = ("comment_disabled", "duet_disabled", "stitch_disabled")
    assert [public[flag] for flag in flags] == [False] * 3
    assert [private[flag] for flag in flags] == [True] * 3


def test_audit_objections_are_recorded_as_warnings(sandbox):
    creator = sandbox.connect_creator(private=True, comment_disabled=True)
    sandbox.start_direct_video(creator, brand_content_toggle=True)
    warnings = sandbox.control("warnings")["warnings"]
    assert [item["open_id"] for item in warnings].count(creator.open_id) == 3
