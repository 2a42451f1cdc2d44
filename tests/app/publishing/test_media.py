from base64 import b64encode

import pytest
from sqlalchemy import func, select, update

from core.media import files
from db.media import Media
from tests.platforms.film import a_film

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {**TUS, "Content-Type": "application/offset+octet-stream"}


def metadata(**said):
    return ",".join(f"{name} {b64encode(text.encode()).decode()}" for name, text in said.items())


def begin(program, size=10, **said):
    headers = {**TUS, "Upload-Length": str(size), "Upload-Metadata": metadata(**said)}
    return program.post("/api/media", headers=headers)


def send(program, path, data, offset):
    return program.patch(path, data=data, headers={**PIECE, "Upload-Offset": str(offset)})


def code(answered):
    return answered.status_code, answered.json["error"]["code"]


@pytest.fixture
def path(program, desk):
    return begin(program, filename="film.mp4", filetype="video/mp4").headers["Location"]


def test_a_server_says_what_it_can(program):
    told = program.options("/api/media")

    assert told.status_code == 204
    assert told.headers["Tus-Version"] == "1.0.0"
    assert told.headers["Tus-Extension"] == "creation,expiration,termination"
    assert int(told.headers["Tus-Max-Size"]) == 4_000_000_000


def test_a_film_comes_in_pieces_and_is_looked_into(program, desk):
    film = a_film()
    made = begin(program, len(film), filename="été.mp4", filetype="video/mp4")
    path = made.headers["Location"]
    assert made.status_code == 201
    assert made.headers["Upload-Expires"].endswith("GMT")

    half = len(film) // 2
    first = send(program, path, film[:half], 0)
    there = program.head(path)
    rest = send(program, path, film[half:], half)

    assert (first.status_code, first.headers["Upload-Offset"]) == (204, str(half))
    assert (there.headers["Upload-Offset"], there.headers["Upload-Length"]) == (
        str(half),
        str(len(film)),
    )
    assert there.headers["Cache-Control"] == "no-store"
    assert rest.headers["Upload-Offset"] == str(len(film))
    data = program.get(path).json["data"]
    assert (data["filename"], data["size"], data["complete"]) == ("été.mp4", len(film), True)
    assert data["probe"]["codec"] == "h264"
    assert all(answer.headers["Tus-Resumable"] == "1.0.0" for answer in (made, first, there, rest))


def test_a_whole_film_can_be_posted(program, account, desk):
    film = a_film()
    path = begin(program, len(film), filename="a.mp4").headers["Location"]
    send(program, path, film, 0)

    said = {"source": "FILE_UPLOAD", "title": "A", "media_id": int(path.rpartition("/")[2])}

    assert program.post("/api/tiktok/upload", json=said).status_code == 202
    assert code(program.delete(path)) == (409, "CONFLICT")


def test_a_piece_that_does_not_fit_is_refused_and_nothing_moves(program, path):
    send(program, path, b"abc", 0)

    wrong = send(program, path, b"abc", 2)

    assert wrong.status_code == 409
    assert program.head(path).headers["Upload-Offset"] == "3"


def test_more_than_was_announced_is_refused(program, path):
    assert send(program, path, b"x" * 11, 0).status_code == 413


def test_what_was_written_before_a_crash_counts(program, path, desk):
    media = desk.media(int(path.rpartition("/")[2]))
    desk.world.media.file(media.path).write_bytes(b"0123456789")

    assert program.head(path).headers["Upload-Offset"] == "10"
    assert program.get(path).json["data"]["complete"]


def test_an_empty_piece_at_the_end_changes_nothing(program, path):
    send(program, path, b"0123456789", 0)

    again = send(program, path, b"", 10)

    assert (again.status_code, again.headers["Upload-Offset"]) == (204, "10")


@pytest.mark.parametrize("length", [None, "", "0", "-1", "1.5", "x", "9" * 30])
def test_a_length_is_a_number(program, desk, length):
    headers = {**TUS, **({} if length is None else {"Upload-Length": length})}
    assert code(program.post("/api/media", headers=headers)) == (400, "VALIDATION_ERROR")


def test_what_no_platform_takes_is_refused_at_once(program, desk):
    assert begin(program, 4_000_000_001).status_code == 413
    assert code(begin(program, filetype="application/pdf")) == (400, "VALIDATION_ERROR")
    assert code(begin(program, filename="a.avi")) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize("said", ["filename", "filename !!!", "filename /w==", "f " + "A" * 5000])
def test_metadata_that_is_none_is_refused(program, desk, said):
    headers = {**TUS, "Upload-Length": "1", "Upload-Metadata": said}
    told = program.post("/api/media", headers=headers)

    assert told.status_code == (201 if said == "filename" else 400)


@pytest.mark.parametrize("version", [None, "0.2.2", "2.0.0"])
def test_another_version_is_told_ours(program, path, version):
    headers = {} if version is None else {"Tus-Resumable": version}
    for told in (
        program.post("/api/media", headers={**headers, "Upload-Length": "1"}),
        program.patch(path, data=b"a", headers={**headers, "Upload-Offset": "0"}),
    ):
        assert told.status_code == 412
        assert told.headers["Tus-Version"] == "1.0.0"


def test_a_piece_has_its_own_type(program, path):
    headers = {**TUS, "Upload-Offset": "0", "Content-Type": "video/mp4"}
    assert code(program.patch(path, data=b"a", headers=headers)) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("offset", ["", "-1", "x"])
def test_an_offset_is_a_number(program, path, offset):
    told = program.patch(path, data=b"a", headers={**PIECE, "Upload-Offset": offset})
    assert code(told) == (400, "VALIDATION_ERROR")


def test_a_file_of_somebody_else_does_not_exist(mallory, client, path, a_program, alice):
    assert mallory.head(path).status_code == 404
    assert mallory.get(path).status_code == 404
    assert send(mallory, path, b"a", 0).status_code == 404
    assert mallory.delete(path).status_code == 404
    assert begin(client).status_code == 401
    assert begin(a_program(alice, "posts:read")).status_code == 403


def test_a_file_is_deleted_for_good(program, path, desk):
    media = desk.media(int(path.rpartition("/")[2]))

    assert program.delete(path).status_code == 204
    assert program.get(path).status_code == 404
    assert not desk.world.media.file(media.path).exists()


def test_a_signed_link_needs_no_login_and_gives_any_part(program, client, path):
    send(program, path, b"0123456789", 0)
    link = program.get(path).json["data"]["url"].partition("127.0.0.1:8000")[2]

    whole = client.get(link)
    part = client.get(link, headers={"Range": "bytes=2-4"})

    assert (whole.status_code, whole.data) == (200, b"0123456789")
    assert whole.mimetype == "video/mp4"
    assert (part.status_code, part.data) == (206, b"234")
    assert client.head(link).headers["Content-Length"] == "10"
    assert client.get(link, headers={"Range": "bytes=20-"}).status_code == 416
    assert client.get(link.replace("/m/", "/m/A", 1)).status_code == 404


def test_files_whose_days_are_over_are_swept_unless_a_post_waits(program, account, path, desk):
    send(program, path, b"0123456789", 0)
    media_id = int(path.rpartition("/")[2])
    needed = desk.a_file(account.user_id)
    said = {"source": "FILE_UPLOAD", "title": "A", "media_id": needed}
    assert program.post("/api/tiktok/upload", json=said).status_code == 202
    with desk.database.transaction() as session:
        session.execute(update(Media).values(expires_at=func.now()))

    assert files.sweep(desk.database, desk.world) == 1

    assert desk.all(select(Media.id)) == [needed]
    assert desk.media(media_id) is None
