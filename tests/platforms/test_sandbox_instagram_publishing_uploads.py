"""Resumable uploads of the Instagram sandbox: bytes in order, resumed, or by URL."""

import http.client
import json
from functools import cache
from hashlib import sha256
from urllib.parse import urlsplit

import pytest

from tests.platforms.instagram_publishing_client import FAKE_MP4, add_account
from tests.platforms.raw_sandbox_client import wait_for
from tests.platforms.video_samples import encode_sample

NOT_AUTHORIZED, FAILED = "NotAuthorizedError", "ProcessingFailedError"
RESUMABLE = {"media_type": "REELS", "upload_type": "resumable"}


@cache
def valid_reel():
    return encode_sample(seconds=3)


def start_upload(client, login="page", **params):
    answer = client.create(login, **RESUMABLE | params)
    assert answer.status == 200, answer.json
    assert set(answer.json) == {"id", "uri"}
    assert answer.json["uri"].endswith(f"/ig-api-upload/v26.0/{answer.json['id']}")
    return answer.json["id"], answer.json["uri"]


def send_bytes(client, uri, data, *, offset=0, size=None, **headers):
    defaults = {
        "Authorization": f"OAuth {client.tokens['page']}",
        "offset": str(offset),
        "file_size": str(len(data) if size is None else size),
        "Content-Type": "application/octet-stream",
    }
    wanted = {name: value for name, value in (defaults | headers).items() if value is not None}
    return client.raw.send("POST", uri, data, wanted)


def debug_type(answer):
    assert answer.status == 400
    assert set(answer.json) == {"debug_info"}
    return answer.json["debug_info"]["type"], answer.json["debug_info"]["retriable"]


@pytest.mark.parametrize(
    "params",
    [{}, {"media_type": "STORIES"}, {"media_type": "VIDEO", "is_carousel_item": "true"}],
)
def test_uploaded_bytes_are_processed(publishing_client, params):
    publishing_client.change_settings(strict_media=True)
    container_id, uri = start_upload(publishing_client, **params)
    assert publishing_client.read_status(container_id)["status_code"] == "IN_PROGRESS"
    answer = send_bytes(publishing_client, uri, valid_reel())
    assert (answer.status, answer.json["success"]) == (200, True)
    assert answer.json["message"].startswith("Upload successful. ")
    assert publishing_client.wait_until_processed(container_id)["status_code"] == "FINISHED"
    listed = publishing_client.raw.control("instagram/containers")["containers"]
    digest = next(each["sha256"] for each in listed if each["id"] == container_id)
    assert digest == sha256(valid_reel()).hexdigest()


def test_uploaded_bytes_are_inspected(publishing_client):
    publishing_client.change_settings(strict_media=True)
    container_id, uri = start_upload(publishing_client)
    assert send_bytes(publishing_client, uri, FAKE_MP4).status == 200
    assert publishing_client.wait_until_processed(container_id)["status"].endswith("2207026")


def test_an_upload_is_resumed_where_it_stopped(publishing_client):
    container_id, uri = start_upload(publishing_client)
    size = len(FAKE_MP4)
    first = send_bytes(publishing_client, uri, FAKE_MP4[:400], size=size)
    assert debug_type(first) == ("PartialRequestError", True)
    status = publishing_client.read(container_id, "video_status").json["video_status"]
    assert status["uploading_phase"] == {"status": "in_progress", "bytes_transferred": 400}
    gap = send_bytes(publishing_client, uri, FAKE_MP4[500:], offset=500, size=size)
    assert debug_type(gap) == ("OffsetInvalidError", True)
    rest = send_bytes(publishing_client, uri, FAKE_MP4[400:], offset=400, size=size)
    assert rest.status == 200
    assert publishing_client.wait_until_processed(container_id)["status_code"] == "FINISHED"


def test_a_connection_that_breaks_keeps_what_has_arrived(publishing_client):
    container_id, uri = start_upload(publishing_client)
    parts = urlsplit(uri)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    connection.putrequest("POST", parts.path)
    headers = {"Authorization": f"OAuth {publishing_client.tokens['page']}", "offset": "0"}
    size = str(len(FAKE_MP4))
    for name, value in (headers | {"file_size": size, "Content-Length": size}).items():
        connection.putheader(name, value)
    connection.endheaders(FAKE_MP4[:400])
    connection.close()

    def read_arrived():
        node = publishing_client.read(container_id, "video_status").json["video_status"]
        return node["uploading_phase"]["bytes_transferred"] == 400

    wait_for(read_arrived)
    rest = wait_for(lambda: send_when_free(publishing_client, uri, FAKE_MP4[400:], offset=400))
    assert rest.status == 200
    assert publishing_client.wait_until_processed(container_id)["status_code"] == "FINISHED"


def send_when_free(client, uri, data, *, offset):
    """Send the rest; None while the request that broke off still holds the upload."""
    answer = send_bytes(client, uri, data, offset=offset, size=offset + len(data))
    is_busy = answer.status == 400 and debug_type(answer)[0] == "ConflictError"
    return None if is_busy else answer


def test_offset_zero_begins_anew(publishing_client):
    container_id, uri = start_upload(publishing_client)
    send_bytes(publishing_client, uri, bytes(400), size=len(FAKE_MP4))
    assert send_bytes(publishing_client, uri, FAKE_MP4).status == 200
    assert publishing_client.wait_until_processed(container_id)["status_code"] == "FINISHED"


def test_a_file_url_is_fetched_instead_of_a_body(publishing_client, media_host):
    container_id, uri = start_upload(publishing_client)
    url = media_host.add("by-url.mp4", FAKE_MP4, "video/mp4")
    headers = {"file_url": url, "offset": None, "file_size": None}
    assert send_bytes(publishing_client, uri, b"", **headers).status == 200
    assert publishing_client.wait_until_processed(container_id)["status_code"] == "FINISHED"


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"Authorization": "OAuth EAAunknown"}, NOT_AUTHORIZED),
        ({"Authorization": "Bearer {page}"}, NOT_AUTHORIZED),
        ({"Authorization": None}, NOT_AUTHORIZED),
        ({"offset": None}, FAILED),
        ({"file_size": None}, FAILED),
        ({"file_size": "many"}, FAILED),
        ({"file_size": "0"}, FAILED),
        ({"file_size": "300000001"}, FAILED),
    ],
)
def test_a_request_for_an_upload_is_checked(publishing_client, headers, kind):
    _, uri = start_upload(publishing_client)
    if headers.get("Authorization"):
        token = headers["Authorization"].format(page=publishing_client.tokens["page"])
        headers = headers | {"Authorization": token}
    answer = send_bytes(publishing_client, uri, FAKE_MP4, **headers)
    assert debug_type(answer) == (kind, False)


def test_more_bytes_than_announced_are_refused(publishing_client):
    _, uri = start_upload(publishing_client)
    answer = send_bytes(publishing_client, uri, FAKE_MP4, size=len(FAKE_MP4) - 1)
    assert debug_type(answer) == (FAILED, False)


def test_the_container_of_somebody_else_takes_no_bytes(publishing_client, instagram_server):
    _, uri = start_upload(add_account(*instagram_server))
    answer = send_bytes(publishing_client, uri, FAKE_MP4)
    assert debug_type(answer) == (FAILED, False)
    inner = json.loads(answer.json["debug_info"]["message"])
    assert inner == {"success": False, "error": {"message": "unauthorized user request"}}


def test_a_container_with_a_url_takes_no_bytes(publishing_client):
    container_id = publishing_client.create(
        media_type="REELS", video_url="https://cdn.example/a.mp4"
    ).id
    uri = f"{publishing_client.raw.url}/meta-upload/ig-api-upload/v26.0/{container_id}"
    assert debug_type(send_bytes(publishing_client, uri, FAKE_MP4)) == (FAILED, False)


def test_an_upload_is_complete_once(publishing_client):
    _, uri = start_upload(publishing_client)
    assert send_bytes(publishing_client, uri, FAKE_MP4).status == 200
    assert debug_type(send_bytes(publishing_client, uri, FAKE_MP4)) == (FAILED, False)


def test_without_bytes_a_container_stays_in_progress_until_it_expires(publishing_client):
    container_id, uri = start_upload(publishing_client)
    publishing_client.advance_clock(86_000)
    assert publishing_client.read_status(container_id)["status_code"] == "IN_PROGRESS"
    publishing_client.advance_clock(500)
    assert publishing_client.read_status(container_id)["status_code"] == "EXPIRED"
    assert debug_type(send_bytes(publishing_client, uri, FAKE_MP4)) == (FAILED, False)


def test_instagram_login_has_no_uploads_unless_a_setting_allows_them(publishing_client):
    answer = publishing_client.create("instagram", **RESUMABLE)
    assert answer.error == (400, 100, None)
    assert answer.message == "(#100) The parameter video_url is required"
    publishing_client.change_settings(resumable_on_instagram_login=True)
    _, uri = start_upload(publishing_client, "instagram")
    headers = {"Authorization": f"OAuth {publishing_client.tokens['instagram']}"}
    assert send_bytes(publishing_client, uri, FAKE_MP4, **headers).status == 200


def test_an_injected_fault_has_the_form_of_uploads(publishing_client):
    _, uri = start_upload(publishing_client)
    publishing_client.inject_fault("rupload", "http_500")
    answer = send_bytes(publishing_client, uri, FAKE_MP4)
    assert (answer.status, answer.json["debug_info"]["retriable"]) == (500, True)
