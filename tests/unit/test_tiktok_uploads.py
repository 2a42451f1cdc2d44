"""The hosts that chunks may be sent to, and the interpretation of the upload host's answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platforms.base import Chunk, ChunkResult
from platforms.errors import MisdirectedResponse, RateLimited, Rejected, Unavailable
from platforms.http import HttpResponse
from platforms.secret import Secret
from platforms.tiktok.uploads import check_upload_host, parse_upload_response

API_URL = "https://open.tiktokapis.com"
TEST_API_URL = "http://127.0.0.1:5050"
FILE_SIZE = 50_000_123
FIRST_CHUNK, SECOND_CHUNK = Chunk(0, 9_999_999), Chunk(10_000_000, 19_999_999)
LAST_CHUNK = Chunk(40_000_000, FILE_SIZE - 1)


def make_response(status, progress=None):
    headers = {} if progress is None else {"content-range": f"bytes 0-{progress}/{FILE_SIZE}"}
    return HttpResponse(status, headers, b"")


@pytest.mark.parametrize(
    "url",
    [
        "https://open-upload.tiktokapis.com/video/?upload_id=67890&upload_token=Xza123",
        "https://open-upload-va.tiktokapis.com/upload?upload_id=1&upload_token=a-b",
        "https://upload.us.TikTokAPIs.com:443/upload/?a=b%7Ec",
    ],
)
def test_tiktoks_own_hosts_are_accepted(url):
    check_upload_host(Secret(url), API_URL)


def test_the_configured_api_host_is_accepted():
    check_upload_host(Secret(f"{TEST_API_URL}/upload?upload_id=1"), TEST_API_URL)
    check_upload_host(Secret(f"{TEST_API_URL}/upload?upload_id=1"), TEST_API_URL + "/")


@pytest.mark.parametrize(
    "url",
    [
        "http://open-upload.tiktokapis.com/",
        "https://tiktokapis.com.evil.example/",
        "https://eviltiktokapis.com/",
        "https://evil.example/.tiktokapis.com",
        "https://evil.example?.tiktokapis.com",
        "https://evil.example#.tiktokapis.com",
        "https://evil.example\\.tiktokapis.com/",
        "https://evil.example\\@a.tiktokapis.com/",
        "https://user@a.tiktokapis.com/",
        "https://a.tiktokapis.com@evil.example/",
        "https://a.tiktokapis.com:8443/",
        "https://a.tiktokapis.com\n.evil.example/",
        "https://a.tiktokapis.com /",
        "https://evil.example\u2100.tiktokapis.com/",
        "https://[::1]/",
        "file:///etc/passwd",
        "http://127.0.0.1:5051/upload",
        "https://127.0.0.1:5050/upload",
        "",
    ],
)
def test_any_other_host_is_refused_without_quoting_the_url(url):
    with pytest.raises(Rejected) as caught:
        check_upload_host(Secret(url), TEST_API_URL)
    assert not url or url not in str(caught.value)


def test_a_stored_chunk_moves_the_offset_to_the_next_byte():
    assert parse_upload_response(make_response(206), FIRST_CHUNK, FILE_SIZE) == ChunkResult(
        10_000_000, is_complete=False
    )


@pytest.mark.parametrize("status", [201, 206])
def test_the_last_byte_ends_the_upload(status):
    assert parse_upload_response(make_response(status), LAST_CHUNK, FILE_SIZE) == ChunkResult(
        FILE_SIZE, is_complete=True
    )


def test_an_undocumented_200_is_accepted_only_with_a_range():
    assert parse_upload_response(
        make_response(200, 9_999_999), FIRST_CHUNK, FILE_SIZE
    ) == ChunkResult(10_000_000, is_complete=False)
    with pytest.raises(Unavailable):
        parse_upload_response(make_response(200), LAST_CHUNK, FILE_SIZE)


@pytest.mark.parametrize(
    ("chunk", "progress", "offset"),
    [
        (SECOND_CHUNK, 29_999_999, 30_000_000),
        (SECOND_CHUNK, 19_999_999, 20_000_000),
        (LAST_CHUNK, 9_999_999, 10_000_000),
        (LAST_CHUNK, 0, 0),
        (LAST_CHUNK, FILE_SIZE - 1, FILE_SIZE),
        (LAST_CHUNK, FILE_SIZE, FILE_SIZE),
    ],
)
def test_after_a_range_mismatch_the_upload_continues_at_the_platforms_offset(
    chunk, progress, offset
):
    assert parse_upload_response(make_response(416, progress), chunk, FILE_SIZE) == ChunkResult(
        offset, is_complete=offset == FILE_SIZE
    )


@pytest.mark.parametrize("progress", [9_999_999, 10_000_000])
def test_a_refusal_of_the_expected_range_is_an_error_that_uses_an_attempt(progress):
    with pytest.raises(Unavailable):
        parse_upload_response(make_response(416, progress), SECOND_CHUNK, FILE_SIZE)


def test_a_range_mismatch_without_a_range_is_an_error():
    with pytest.raises(Unavailable):
        parse_upload_response(make_response(416), SECOND_CHUNK, FILE_SIZE)


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "upload_failed"), (403, "upload_url_expired"), (404, "upload_unknown")],
)
def test_a_refused_chunk_has_the_code_of_its_status(status, code):
    with pytest.raises(Rejected) as caught:
        parse_upload_response(make_response(status), FIRST_CHUNK, FILE_SIZE)
    assert caught.value.code == code


@pytest.mark.parametrize("status", [302, 401, 408, 500, 502, 503, 504])
def test_any_other_status_leaves_open_whether_the_chunk_is_stored(status):
    with pytest.raises(Unavailable) as caught:
        parse_upload_response(make_response(status), FIRST_CHUNK, FILE_SIZE)
    assert caught.value.may_have_arrived


@pytest.mark.parametrize("status", [200, 201, 206, 416])
def test_an_answer_about_a_file_of_another_size_is_not_used(status):
    other = HttpResponse(status, {"content-range": f"bytes 0-9999999/{FILE_SIZE + 1}"}, b"")
    with pytest.raises(MisdirectedResponse) as caught:
        parse_upload_response(other, FIRST_CHUNK, FILE_SIZE)
    assert caught.value.may_have_arrived


def test_the_upload_host_may_limit_the_rate():
    with pytest.raises(RateLimited):
        parse_upload_response(make_response(429), FIRST_CHUNK, FILE_SIZE)


@given(st.integers(0, FILE_SIZE * 2), st.sampled_from([FIRST_CHUNK, SECOND_CHUNK, LAST_CHUNK]))
def test_a_range_mismatch_never_repeats_the_same_chunk(progress, chunk):
    try:
        result = parse_upload_response(make_response(416, progress), chunk, FILE_SIZE)
    except Unavailable:
        return
    assert result.next_offset != chunk.first
    assert result.is_complete or result.next_offset < FILE_SIZE
