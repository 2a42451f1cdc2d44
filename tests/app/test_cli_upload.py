import json
from threading import Thread

import pytest
from click.testing import CliRunner
from werkzeug.serving import make_server

from app.cli import cli
from app.commands import tus
from app.commands.wire import Wire
from core.errors import Failed
from db.media import Media
from platforms.secret import Secret

SIZE = 3 * 1024 * 1024 + 7


@pytest.fixture
def app(stage, tmp_path):
    return stage.house(MEDIA_URL=(tmp_path / "media").as_uri())


@pytest.fixture
def url(app):
    """Where the house answers over real HTTP."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def alices_key(a_user, an_api_key):
    return an_api_key(a_user())


@pytest.fixture
def wire(url, alices_key):
    return Wire(url, Secret(alices_key))


@pytest.fixture
def film(tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(bytes(range(256)) * (SIZE // 256) + b"x" * (SIZE % 256))
    return path


def test_a_file_goes_over_in_pieces_and_is_whole_at_the_end(wire, film, house, monkeypatch):
    monkeypatch.setattr(tus, "PIECE", 1024 * 1024)
    place = tus.create(wire, film)
    assert list(tus.send(wire, film, place)) == [1 << 20, 2 << 20, 3 << 20, SIZE]
    with house.database.transaction() as session:
        media = session.get(Media, int(place.rpartition("/")[2]))
    assert house.world.media.file(media.path).read_bytes() == film.read_bytes()


def test_a_piece_that_was_sent_already_is_not_sent_twice(wire, film, monkeypatch):
    monkeypatch.setattr(tus, "PIECE", 1024 * 1024)
    place = tus.create(wire, film)
    next(tus.send(wire, film, place))
    assert list(tus.send(wire, film, place))[-1] == SIZE


def test_the_houses_own_words_come_back_as_the_error(wire):
    with pytest.raises(Failed) as refused:
        wire.ask("GET", "/api/posts/7")
    assert refused.value.code == "NOT_FOUND"


def run(url, key, *arguments):
    environ = {"SIGNALPOST_URL": url, "SIGNALPOST_API_KEY": key}
    return CliRunner().invoke(cli, ["upload", *map(str, arguments), "--json"], env=environ)


def test_an_upload_that_the_house_refuses_ends_with_1_and_its_code(url, alices_key, film):
    done = run(url, alices_key, film, "--account", 7)
    assert done.exit_code == 1
    assert json.loads(done.stdout.splitlines()[-1])["error"]["code"] in {
        "not_connected",
        "NOT_FOUND",
    }
    assert alices_key not in done.output


def test_a_file_that_is_not_there_is_said_before_anything_is_sent(url, alices_key, tmp_path):
    done = run(url, alices_key, tmp_path / "none.mp4", "--account", 7)
    assert done.exit_code == 1
    assert json.loads(done.stdout.splitlines()[-1])["error"]["code"] == "VALIDATION_ERROR"


def test_a_house_that_is_not_there_is_said_without_a_trace(alices_key):
    done = run("http://127.0.0.1:1", alices_key, "https://example.org/film.mp4", "--account", 7)
    assert done.exit_code == 1
    assert json.loads(done.stdout.splitlines()[-1])["error"]["code"] == "SERVICE_UNAVAILABLE"
