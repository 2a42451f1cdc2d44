"""Where bytes of videos may be sent, and what the upload host's answers mean."""

import json

import pytest

from platforms.errors import Rejected, ServerBusy, Unavailable, UnreadableResponse
from platforms.http import HttpResponse
from platforms.instagram.uploads import (
    check_upload_response,
    find_upload_address,
    read_received_bytes,
)
from platforms.secret import Secret

BASE_URL = "http://127.0.0.1:9/meta-upload"


META_URL = "https://rupload.facebook.com"


@pytest.mark.parametrize(
    ("url", "base_url", "address"),
    [
        ("https://rupload.facebook.com/ig-api-upload/v26.0/17", META_URL, None),
        ("https://rupload.facebook.com:443/x", META_URL, None),
        ("https://rupload.facebook.com/x", BASE_URL, None),
        (f"{BASE_URL}/ig-api-upload/v26.0/17", BASE_URL, None),
        (f"{BASE_URL}/ig-api-upload/v26.0/17", f"{BASE_URL}/", None),
        (f"{META_URL}/ig-api-upload/v26.0/17", BASE_URL, f"{BASE_URL}/ig-api-upload/v26.0/17"),
        (
            "http://localhost:9/ig-api-upload/v26.0/17?a=1",
            "http://127.0.0.1:9",
            "http://127.0.0.1:9/ig-api-upload/v26.0/17?a=1",
        ),
    ],
)
def test_the_token_goes_to_meta_or_to_the_configured_server(url, base_url, address):
    assert find_upload_address(Secret(url), base_url).reveal() == (address or url)


@pytest.mark.parametrize("base_url", [BASE_URL, META_URL])
@pytest.mark.parametrize(
    "url",
    [
        "http://rupload.facebook.com/x",
        "https://rupload.facebook.com:8443/x",
        "https://user@rupload.facebook.com/x",
        "https://facebook.com.example/x",
        "https://evilfacebook.com/x",
        "https://rupload.facebook.com@evil.example/x",
        "http://127.0.0.1:9/meta-uploads/x",
        "http://127.0.0.1:9",
        "https://[/x",
        "ftp://rupload.facebook.com/x",
        "",
    ],
)
def test_other_hosts_get_no_token(url, base_url):
    with pytest.raises(Rejected) as caught:
        find_upload_address(Secret(url), base_url)
    assert caught.value.code == "upload_failed"
    assert not url or url not in str(caught.value)


def response(status, body):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpResponse(status, {}, data)


@pytest.mark.parametrize("success", [True, "true", 1])
def test_an_accepted_upload(success):
    check_upload_response(response(200, {"success": success, "message": "Upload successful."}))


def debug_info(**fields):
    return {"debug_info": {"message": "m", **fields}}


@pytest.mark.parametrize(
    ("status", "body", "error_type", "code"),
    [
        (
            400,
            debug_info(retriable=False, type="NotAuthorizedError"),
            Rejected,
            "upload_not_authorized",
        ),
        (400, debug_info(retriable=False, type="ProcessingFailedError"), Rejected, "upload_failed"),
        (200, debug_info(retriable="false", type="X"), Rejected, "upload_failed"),
        (400, debug_info(retriable=True, type="OffsetInvalidError"), Unavailable, "upload_failed"),
        (400, debug_info(type="Anything"), Unavailable, "upload_failed"),
        (200, {"success": False}, Unavailable, "upload_failed"),
        (200, {}, UnreadableResponse, "INVALID_RESPONSE"),
        (200, b"<html>", UnreadableResponse, "INVALID_RESPONSE"),
        (500, b"<html>", Unavailable, "platform_unavailable"),
        (503, b"", ServerBusy, "platform_unavailable"),
        (201, [], UnreadableResponse, "INVALID_RESPONSE"),
    ],
)
def test_a_refused_upload(status, body, error_type, code):
    with pytest.raises(error_type) as caught:
        check_upload_response(response(status, body))
    assert (type(caught.value), caught.value.code) == (error_type, code)


@pytest.mark.parametrize(
    ("status", "count"),
    [
        ({"video_status": {"uploading_phase": {"bytes_transferred": 7}}}, 7),
        ({"video_status": {"uploading_phase": {"bytes_transfered": "7"}}}, 7),
        ({"video_status": '{"uploading_phase": {"bytes_transferred": 7.0}}'}, 7),
        ({"video_status": {"uploading_phase": {"status": "in_progress"}}}, None),
        ({"video_status": None}, None),
        ({}, None),
    ],
)
def test_how_much_has_arrived(status, count):
    assert read_received_bytes(status) == count
