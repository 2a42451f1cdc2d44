"""What uploads may store: a full disk, a read-only folder, budgets of users, files that expire."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from core.health import media_checks
from core.media import files
from core.media.uploads import RETENTION_PERIOD
from db.media.files import Media
from tests.app.publishing.test_media_uploads import create_upload, error_code, send_chunk
from tests.platforms.contract_videos import encode_video
from tests.support.small_disk import mount_small_disk

MEGABYTE = 2**20


@pytest.fixture
def disk(tmp_path):
    with mount_small_disk(tmp_path / "disk") as small_disk:
        yield small_disk


@pytest.fixture
def on_small_disk(disk, extra_settings):
    """Makes the app of this test keep its files on the small disk."""
    extra_settings["MEDIA_URL"] = f"file://{disk.folder}/media"


@pytest.fixture
def nothing_kept_free(extra_settings):
    """Lets the disk itself refuse, in the middle of a piece."""
    extra_settings["MEDIA_MIN_FREE_BYTES"] = "0"


@pytest.fixture
def app(app_factory, platform_server, tmp_path, extra_settings):
    settings = {"MEDIA_URL": f"file://{tmp_path}/media", **extra_settings}
    return app_factory.create_app(
        TIKTOK_API_BASE_URL=platform_server.url,
        TIKTOK_AUTH_BASE_URL=platform_server.url,
        INLINE_BUDGET_SECONDS="30",
        **settings,
    )


@pytest.fixture
def stored_path(publisher):
    def find_path(upload_path):
        media = publisher.media(int(upload_path.rpartition("/")[2]))
        return publisher.services.media.local_path(media.path)

    return find_path


def offset_of(api_client, path):
    return int(api_client.head(path).headers["Upload-Offset"])


def test_an_upload_waits_while_the_disk_is_full_and_goes_on_when_there_is_room(
    on_small_disk, disk, api_client, publisher, stored_path
):
    data = bytes(range(256)) * (6 * MEGABYTE // 256)
    path = create_upload(api_client, len(data), filename="a.mp4").headers["Location"]
    assert send_chunk(api_client, path, data[:MEGABYTE], 0).status_code == 204
    disk.fill(leaves=MEGABYTE // 2)

    refused = send_chunk(api_client, path, data[MEGABYTE : 4 * MEGABYTE], MEGABYTE)

    assert error_code(refused) == (507, "INSUFFICIENT_STORAGE")
    assert refused.json["error"]["details"]["reason"] == "full"
    assert "free some space" in refused.json["error"]["message"]
    assert refused.json["error"]["retryable"]
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert error_code(create_upload(api_client, 10)) == (507, "INSUFFICIENT_STORAGE")
    assert offset_of(api_client, path) == MEGABYTE
    disk.make_room()
    assert send_chunk(api_client, path, data[MEGABYTE:], MEGABYTE).status_code == 204
    assert stored_path(path).read_bytes() == data


def test_what_arrived_before_the_disk_was_full_is_kept_and_counted(
    on_small_disk, nothing_kept_free, disk, api_client, publisher, stored_path
):
    data = bytes(range(256)) * (6 * MEGABYTE // 256)
    path = create_upload(api_client, len(data), filename="a.mp4").headers["Location"]
    disk.fill(leaves=2 * MEGABYTE + 100_000)

    refused = send_chunk(api_client, path, data, 0)

    assert error_code(refused) == (507, "INSUFFICIENT_STORAGE")
    offset = offset_of(api_client, path)
    assert 2 * MEGABYTE <= offset < 3 * MEGABYTE
    assert stored_path(path).read_bytes() == data[:offset]
    disk.make_room()
    assert send_chunk(api_client, path, data[offset:], offset).status_code == 204
    media = publisher.media(int(path.rpartition("/")[2]))
    assert media.sha256 == hashlib.sha256(data).hexdigest()


def test_a_file_that_does_not_fit_is_refused_before_its_first_byte(
    on_small_disk, api_client, publisher
):
    refused = create_upload(api_client, 17 * MEGABYTE)
    assert error_code(refused) == (507, "INSUFFICIENT_STORAGE")
    available = refused.json["error"]["details"]["available"]
    assert 14 * MEGABYTE < available < 16 * MEGABYTE  # a twentieth is kept free
    assert str(available) in refused.json["error"]["message"]


def test_a_read_only_folder_is_named_and_the_upload_goes_on_later(
    on_small_disk, disk, api_client, publisher
):
    path = create_upload(api_client, 20, filename="a.mp4").headers["Location"]
    assert send_chunk(api_client, path, b"0123456789", 0).status_code == 204
    with disk.read_only():
        refused = send_chunk(api_client, path, b"0123456789", 10)
        assert error_code(refused) == (507, "INSUFFICIENT_STORAGE")
        assert refused.json["error"]["details"]["reason"] == "read_only"
        assert error_code(create_upload(api_client, 10))[0] == 507
        assert offset_of(api_client, path) == 10
        check = media_checks.check_store(publisher.services)
        assert (check.ok, "cannot be written to" in check.message) == (False, True)
    assert send_chunk(api_client, path, b"0123456789", 10).status_code == 204


def test_a_store_that_is_away_is_named_and_the_upload_goes_on_when_it_is_back(
    api_client, publisher
):
    path = create_upload(api_client, 4).headers["Location"]
    folder = publisher.services.media.local_path("00/" + "0" * 32).parents[1]
    folder.rename(folder.with_suffix(".away"))
    folder.write_text("a file in the place of the folder")

    refused = (
        send_chunk(api_client, path, b"data", 0),
        create_upload(api_client, 4),
        api_client.get(path),
    )

    for response in refused:
        assert error_code(response) == (507, "INSUFFICIENT_STORAGE")
        assert response.json["error"]["details"]["reason"] == "broken"
    folder.unlink()
    folder.with_suffix(".away").rename(folder)
    assert send_chunk(api_client, path, b"data", 0).status_code == 204


def test_doctor_shows_how_much_room_there_is_and_when_there_is_none(
    on_small_disk, disk, api_client, publisher
):
    assert "are free" in media_checks.check_store(publisher.services).message
    disk.fill()
    check = media_checks.check_store(publisher.services)
    assert (check.ok, "full" in check.message) == (False, True)


def test_the_files_of_a_user_have_a_budget_and_others_are_not_affected(
    api_client, mallory_client, publisher, extra_settings
):
    limit = publisher.services.settings.limits.media_user_max_bytes
    with publisher.database.transaction() as session:
        path = create_upload(api_client, 10).headers["Location"]
        media_id = int(path.rpartition("/")[2])
        session.execute(update(Media).where(Media.id == media_id).values(size=limit - 5))

    assert create_upload(api_client, 5).status_code == 201
    refused = create_upload(api_client, 1)

    assert error_code(refused) == (507, "storage_budget_exceeded")
    details = refused.json["error"]["details"]
    assert details == {"used": limit, "largest": limit, "size": 1}
    assert create_upload(mallory_client, 5).status_code == 201
    assert api_client.delete(path).status_code == 204
    assert create_upload(api_client, 1).status_code == 201


def test_only_so_many_uploads_of_a_user_are_unfinished_even_if_they_begin_together(
    app, alice, make_api_key, publisher
):
    limit = publisher.services.settings.limits.media_user_max_unfinished
    headers = {"Authorization": f"Bearer {make_api_key(alice)}"}

    def begin(_):
        client = app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = headers["Authorization"]
        return create_upload(client, 10)

    with ThreadPoolExecutor(8) as threads:
        responses = list(threads.map(begin, range(limit + 8)))

    statuses = [response.status_code for response in responses]
    assert (statuses.count(201), statuses.count(429)) == (limit, 8)
    refused = next(response for response in responses if response.status_code == 429)
    assert refused.json["error"]["code"] == "too_many_uploads"
    assert int(refused.headers["Retry-After"]) > 0
    store = publisher.services.media.local_path("00/" + "0" * 32).parent.parent
    assert sum(1 for file in store.rglob("*") if file.is_file()) == limit


def test_each_piece_prolongs_an_upload_but_not_beyond_its_absolute_end(api_client, publisher):
    path = create_upload(api_client, 10, filename="a.mp4").headers["Location"]
    media_id = int(path.rpartition("/")[2])
    lifetime = publisher.services.settings.limits.media_unfinished_lifetime
    soon = publisher.media(media_id)
    assert soon.expires_at - soon.created_at <= lifetime + timedelta(minutes=1)
    with publisher.database.transaction() as session:
        begun = Media.created_at - RETENTION_PERIOD + timedelta(hours=3)
        session.execute(update(Media).values(created_at=begun, expires_at=func.now()))

    send_chunk(api_client, path, b"01234", 0)

    media = publisher.media(media_id)
    assert media.expires_at == media.created_at + RETENTION_PERIOD
    send_chunk(api_client, path, b"56789", 5)
    complete = publisher.media(media_id)  # from now on its last use counts
    assert complete.expires_at > complete.created_at + RETENTION_PERIOD


def test_one_run_deletes_more_expired_files_than_one_batch_holds(api_client, alice, publisher):
    number = 2 * files.DELETE_BATCH_SIZE + 1
    for _ in range(number):
        publisher.create_media(alice.id, b"x", probe=None)
    with publisher.database.transaction() as session:
        session.execute(update(Media).values(expires_at=func.now()))

    assert files.sweep_expired_files(publisher.database, publisher.services) == number
    assert publisher.all(select(Media.id)) == []


def test_the_digest_grows_with_the_pieces_and_the_row_has_it_at_once(api_client, publisher):
    data = encode_video()
    path = create_upload(api_client, len(data), filename="a.mp4").headers["Location"]
    for offset in range(0, len(data), 3000):
        assert send_chunk(api_client, path, data[offset : offset + 3000], offset).status_code == 204
    media = publisher.media(int(path.rpartition("/")[2]))
    assert media.sha256 == hashlib.sha256(data).hexdigest()
    assert (media.probe["codec"], media.content_type) == ("h264", "video/mp4")


def test_after_a_crash_asking_for_the_offset_reads_no_byte_and_the_rest_is_done_later(
    api_client, account, publisher, stored_path
):
    data = encode_video()
    path = create_upload(api_client, len(data), filename="a.mp4").headers["Location"]
    media_id = int(path.rpartition("/")[2])
    stored_path(path).write_bytes(data)  # and the process died before it wrote the row

    assert offset_of(api_client, path) == len(data)
    media = publisher.media(media_id)
    assert (media.completed_at is None, media.sha256, media.inspected_at) == (False, None, None)

    fields = {"source": "FILE_UPLOAD", "title": "A", "media_id": media_id}
    assert api_client.post("/api/tiktok/upload", json=fields).status_code == 202
    assert publisher.media(media_id).probe["codec"] == "h264"
    assert files.add_missing_digests(publisher.database, publisher.services) == 1
    assert publisher.media(media_id).sha256 == hashlib.sha256(data).hexdigest()
    assert files.add_missing_digests(publisher.database, publisher.services) == 0
