"""Media uploads with the tus protocol, and signed links to the files."""

from base64 import b64encode

import pytest
from sqlalchemy import func, select, update

from core.media import files
from db.media.files import Media
from tests.platforms.contract_videos import encode_video
from tests.support.media_samples import read_field_video

TUS_HEADERS = {"Tus-Resumable": "1.0.0"}
CHUNK_HEADERS = {**TUS_HEADERS, "Content-Type": "application/offset+octet-stream"}


def upload_metadata(**values):
    return ",".join(f"{name} {b64encode(text.encode()).decode()}" for name, text in values.items())


def create_upload(api_client, size=10, **values):
    headers = {
        **TUS_HEADERS,
        "Upload-Length": str(size),
        "Upload-Metadata": upload_metadata(**values),
    }
    return api_client.post("/api/media", headers=headers)


def send_chunk(api_client, path, data, offset):
    return api_client.patch(
        path, data=data, headers={**CHUNK_HEADERS, "Upload-Offset": str(offset)}
    )


def error_code(response):
    return response.status_code, response.json["error"]["code"]


@pytest.fixture
def upload_path(api_client, publisher):
    return create_upload(api_client, filename="video.mp4", filetype="video/mp4").headers["Location"]


def test_options_reports_the_tus_capabilities(api_client):
    response = api_client.options("/api/media")

    assert response.status_code == 204
    assert response.headers["Tus-Version"] == "1.0.0"
    assert response.headers["Tus-Extension"] == "creation,expiration,termination"
    assert int(response.headers["Tus-Max-Size"]) == 4_000_000_000


def test_a_video_is_uploaded_in_chunks_and_probed(api_client, publisher):
    video = encode_video()
    created = create_upload(api_client, len(video), filename="été.mp4", filetype="video/mp4")
    path = created.headers["Location"]
    assert created.status_code == 201
    assert created.headers["Upload-Expires"].endswith("GMT")

    half = len(video) // 2
    first = send_chunk(api_client, path, video[:half], 0)
    status = api_client.head(path)
    second = send_chunk(api_client, path, video[half:], half)

    assert (first.status_code, first.headers["Upload-Offset"]) == (204, str(half))
    assert (status.headers["Upload-Offset"], status.headers["Upload-Length"]) == (
        str(half),
        str(len(video)),
    )
    assert status.headers["Cache-Control"] == "no-store"
    assert second.headers["Upload-Offset"] == str(len(video))
    data = api_client.get(path).json["data"]
    assert (data["filename"], data["size"], data["complete"]) == ("été.mp4", len(video), True)
    assert data["probe"]["codec"] == "h264"
    assert all(
        response.headers["Tus-Resumable"] == "1.0.0"
        for response in (created, first, status, second)
    )


def test_a_browser_and_a_program_may_send_chunks_larger_than_json(
    api_client, sign_in, publisher, alice
):
    data = bytes(range(256)) * 2048
    for client in (api_client, sign_in(alice)):
        path = create_upload(client, len(data), filename="a.mp4").headers["Location"]
        assert len(data) > publisher.services.settings.limits.max_json_bytes
        response = send_chunk(client, path, data, 0)
        assert (response.status_code, response.headers.get("Upload-Offset")) == (204, "524288")


def test_a_complete_video_can_be_posted(api_client, account, publisher):
    video = encode_video()
    path = create_upload(api_client, len(video), filename="a.mp4").headers["Location"]
    send_chunk(api_client, path, video, 0)

    fields = {"source": "FILE_UPLOAD", "title": "A", "media_id": int(path.rpartition("/")[2])}

    assert api_client.post("/api/tiktok/upload", json=fields).status_code == 202
    assert error_code(api_client.delete(path)) == (409, "CONFLICT")


def test_a_chunk_at_the_wrong_offset_is_refused_and_nothing_moves(api_client, upload_path):
    send_chunk(api_client, upload_path, b"abc", 0)

    wrong = send_chunk(api_client, upload_path, b"abc", 2)

    assert wrong.status_code == 409
    assert api_client.head(upload_path).headers["Upload-Offset"] == "3"


def test_more_bytes_than_announced_are_refused(api_client, upload_path):
    assert send_chunk(api_client, upload_path, b"x" * 11, 0).status_code == 413


def test_bytes_written_before_a_crash_count(api_client, upload_path, publisher):
    media = publisher.media(int(upload_path.rpartition("/")[2]))
    publisher.services.media.local_path(media.path).write_bytes(b"0123456789")

    assert api_client.head(upload_path).headers["Upload-Offset"] == "10"
    assert api_client.get(upload_path).json["data"]["complete"]


def test_an_empty_chunk_at_the_end_changes_nothing(api_client, upload_path):
    send_chunk(api_client, upload_path, b"0123456789", 0)
    assert send_chunk(api_client, upload_path, b"x", 10).status_code == 413

    response = send_chunk(api_client, upload_path, b"", 10)

    assert (response.status_code, response.headers["Upload-Offset"]) == (204, "10")


@pytest.mark.parametrize("length", [None, "", "0", "-1", "1.5", "x", "0" * 30])
def test_a_length_is_a_number(api_client, publisher, length):
    headers = {**TUS_HEADERS, **({} if length is None else {"Upload-Length": length})}
    assert error_code(api_client.post("/api/media", headers=headers)) == (400, "VALIDATION_ERROR")


def test_a_file_that_no_platform_accepts_is_refused(api_client, publisher):
    for size in (4_000_000_001, "9" * 30, "9" * 5000):
        too_large = create_upload(api_client, size)
        assert error_code(too_large) == (413, "file_too_large")
        assert too_large.json["error"]["details"] == {"largest": 4_000_000_000}
        assert "4000000000" in too_large.json["error"]["message"]
    assert error_code(create_upload(api_client, filetype="application/pdf")) == (
        400,
        "VALIDATION_ERROR",
    )
    assert error_code(create_upload(api_client, filename="a.avi")) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize("metadata", ["filename", "filename !!!", "filename A", "f " + "A" * 5000])
def test_invalid_metadata_is_refused(api_client, publisher, metadata):
    headers = {**TUS_HEADERS, "Upload-Length": "1", "Upload-Metadata": metadata}
    response = api_client.post("/api/media", headers=headers)

    assert response.status_code == (201 if metadata == "filename" else 400)


def test_a_name_in_another_encoding_keeps_its_upload(api_client, publisher):
    name = b64encode("plage été.mp4".encode("latin-1")).decode()
    headers = {**TUS_HEADERS, "Upload-Length": "1", "Upload-Metadata": f"filename {name}"}
    created = api_client.post("/api/media", headers=headers)
    assert created.status_code == 201
    described = api_client.get(created.headers["Location"]).json["data"]
    assert (described["filename"], described["content_type"]) == (
        "plage \ufffdt\ufffd.mp4",
        "video/mp4",
    )


@pytest.mark.parametrize("offset", ["9" * 30, "1" * 19])
def test_an_offset_of_any_length_is_answered_with_the_true_one(api_client, upload_path, offset):
    response = send_chunk(api_client, upload_path, b"a", offset)
    assert (response.status_code, response.json["error"]["details"]) == (409, {"offset": 0})


def test_metadata_for_others_than_us_may_have_any_form(api_client, publisher):
    metadata = f"preview /////w==,{upload_metadata(filename='a.mp4')},relativePath"
    headers = {**TUS_HEADERS, "Upload-Length": "1", "Upload-Metadata": metadata}
    created = api_client.post("/api/media", headers=headers)
    assert created.status_code == 201
    assert api_client.get(created.headers["Location"]).json["data"]["filename"] == "a.mp4"


@pytest.mark.parametrize("version", [None, "0.2.2", "2.0.0"])
def test_another_tus_version_is_answered_with_ours(api_client, upload_path, version):
    headers = {} if version is None else {"Tus-Resumable": version}
    for response in (
        api_client.post("/api/media", headers={**headers, "Upload-Length": "1"}),
        api_client.patch(upload_path, data=b"a", headers={**headers, "Upload-Offset": "0"}),
    ):
        assert response.status_code == 412
        assert response.headers["Tus-Version"] == "1.0.0"


def test_a_chunk_has_its_own_content_type(api_client, upload_path):
    headers = {**TUS_HEADERS, "Upload-Offset": "0", "Content-Type": "video/mp4"}
    assert error_code(api_client.patch(upload_path, data=b"a", headers=headers)) == (
        415,
        "UNSUPPORTED_MEDIA_TYPE",
    )


@pytest.mark.parametrize("offset", ["", "-1", "x"])
def test_an_offset_is_a_number(api_client, upload_path, offset):
    response = api_client.patch(
        upload_path, data=b"a", headers={**CHUNK_HEADERS, "Upload-Offset": offset}
    )
    assert error_code(response) == (400, "VALIDATION_ERROR")


def test_a_file_of_another_user_does_not_exist(
    mallory_client, client, upload_path, make_api_client, alice
):
    assert mallory_client.head(upload_path).status_code == 404
    assert mallory_client.get(upload_path).status_code == 404
    assert send_chunk(mallory_client, upload_path, b"a", 0).status_code == 404
    assert mallory_client.delete(upload_path).status_code == 404
    assert create_upload(client).status_code == 401
    assert create_upload(make_api_client(alice, "posts:read")).status_code == 403


def test_a_deleted_file_is_removed_from_the_store_too(api_client, upload_path, publisher):
    media = publisher.media(int(upload_path.rpartition("/")[2]))

    assert api_client.delete(upload_path).status_code == 204
    assert api_client.get(upload_path).status_code == 404
    assert not publisher.services.media.local_path(media.path).exists()


def test_a_signed_link_needs_no_login_and_serves_byte_ranges(api_client, client, upload_path):
    send_chunk(api_client, upload_path, b"0123456789", 0)
    link = api_client.get(upload_path).json["data"]["url"].partition("127.0.0.1:8000")[2]

    whole = client.get(link)
    part = client.get(link, headers={"Range": "bytes=2-4"})

    assert (whole.status_code, whole.data) == (200, b"0123456789")
    assert whole.mimetype == "video/mp4"
    assert (part.status_code, part.data) == (206, b"234")
    assert client.head(link).headers["Content-Length"] == "10"
    assert client.get(link, headers={"Range": "bytes=20-"}).status_code == 416
    assert client.get(link.replace("/m/", "/m/A", 1)).status_code == 404


@pytest.mark.parametrize("name", ["..", "\u200b", "NUL", "a/../b\u202e.mp4", "é" * 300])
def test_a_link_to_a_file_of_any_name_works_and_does_not_show_the_name_in_the_store(
    api_client, client, publisher, name
):
    path = create_upload(api_client, filename=name).headers["Location"]
    send_chunk(api_client, path, b"0123456789", 0)
    link = api_client.get(path).json["data"]["url"].partition("127.0.0.1:8000")[2]

    response = client.get(link)

    assert (response.status_code, response.data) == (200, b"0123456789")
    stored_name = publisher.media(int(path.rpartition("/")[2])).path.rpartition("/")[2]
    assert stored_name not in str(response.headers)
    assert response.headers["Content-Disposition"].startswith("inline; filename")


@pytest.mark.parametrize(
    ("filetype", "filename"),
    [
        ("video/webm;codecs=vp9,opus", "recording.webm"),
        ("", "IMG_0001.MOV"),
        ("VIDEO/MP4", "a"),
        ("text/plain", "a.mp4"),
        ("image/png", "a.png"),
    ],
)
def test_a_wrong_or_missing_label_is_no_refusal_and_the_bytes_say_the_type(
    api_client, publisher, filetype, filename
):
    video = encode_video()
    created = create_upload(api_client, len(video), filename=filename, filetype=filetype)
    assert created.status_code == 201
    path = created.headers["Location"]
    send_chunk(api_client, path, video, 0)
    data = api_client.get(path).json["data"]
    assert (data["content_type"], data["probe"]["container"]) == ("video/mp4", "mp4")


def test_matroska_that_is_labelled_webm_is_refused_at_once_in_words(api_client, account, publisher):
    data = read_field_video("h264-in-matroska.mkv")
    for label in ("application/octet-stream", "video/webm"):
        path = create_upload(api_client, len(data), filename="a", filetype=label).headers[
            "Location"
        ]
        send_chunk(api_client, path, data, 0)
        fields = {"source": "FILE_UPLOAD", "title": "A", "media_id": int(path.rpartition("/")[2])}

        refused = api_client.post("/api/tiktok/upload", json=fields)

        assert error_code(refused) == (400, "invalid_file_upload")
        assert refused.json["error"]["details"]["reason"] == "file_format_check_failed"
        assert "matroska" in refused.json["error"]["message"]
        assert "mov, mp4, webm" in refused.json["error"]["message"]


def test_expired_files_are_deleted_unless_a_post_needs_them(
    api_client, account, upload_path, publisher
):
    send_chunk(api_client, upload_path, b"0123456789", 0)
    media_id = int(upload_path.rpartition("/")[2])
    needed_id = publisher.create_media(account.user_id)
    fields = {"source": "FILE_UPLOAD", "title": "A", "media_id": needed_id}
    assert api_client.post("/api/tiktok/upload", json=fields).status_code == 202
    with publisher.database.transaction() as session:
        session.execute(update(Media).values(expires_at=func.now()))

    assert files.delete_expired_files(publisher.database, publisher.services) == 1

    assert publisher.all(select(Media.id)) == [needed_id]
    assert publisher.media(media_id) is None
