"""`signalpost upload` against a running server: what is posted, and errors."""

import json

import pytest
from click.testing import CliRunner

from app.cli.main import cli
from db.posts.posts import Post
from tests.support.row_factory import RowFactory


@pytest.fixture
def app(app_factory, tmp_path):
    return app_factory.create_app(MEDIA_URL=(tmp_path / "media").as_uri())


@pytest.fixture
def alice(make_user):
    return make_user()


@pytest.fixture
def alice_api_key(alice, make_api_key):
    return make_api_key(alice)


@pytest.fixture
def direct_account_id(container, alice):
    """The id of Alice's account that may post directly."""
    factory = RowFactory(container.database, container.services.key_ring)
    return factory.create_account(alice.id, scope="video.upload,video.publish")


@pytest.fixture
def video_file(tmp_path):
    path = tmp_path / "video.mp4"
    path.write_bytes(bytes(range(256)) * 4096)
    return path


def run_upload(url, key, *arguments):
    environ = {"SIGNALPOST_URL": url, "SIGNALPOST_API_KEY": key}
    return CliRunner().invoke(cli, ["upload", *map(str, arguments), "--json"], env=environ)


def test_a_refused_upload_exits_with_1_and_the_servers_code(server_url, alice_api_key, video_file):
    result = run_upload(server_url, alice_api_key, video_file, "--account", 7)
    assert result.exit_code == 1
    assert json.loads(result.stdout.splitlines()[-1])["error"]["code"] in {
        "not_connected",
        "NOT_FOUND",
    }
    assert alice_api_key not in result.output


def test_a_missing_file_is_reported_before_anything_is_sent(server_url, alice_api_key, tmp_path):
    result = run_upload(server_url, alice_api_key, tmp_path / "none.mp4", "--account", 7)
    assert result.exit_code == 1
    assert json.loads(result.stdout.splitlines()[-1])["error"]["code"] == "VALIDATION_ERROR"


def test_an_unreachable_server_is_reported_without_a_traceback(alice_api_key):
    result = run_upload(
        "http://127.0.0.1:1", alice_api_key, "https://example.org/video.mp4", "--account", 7
    )
    assert result.exit_code == 1
    assert json.loads(result.stdout.splitlines()[-1])["error"]["code"] == "SERVICE_UNAVAILABLE"


VIDEO_URL = "https://example.org/film"


def load_posts(container):
    with container.database.transaction() as session:
        return session.query(Post).all()


@pytest.mark.parametrize(
    ("arguments", "kind", "settings"),
    [
        ((), "INBOX_VIDEO", {}),
        (
            ("--kind", "DIRECT_VIDEO", "--option", "privacy_level=SELF_ONLY"),
            "DIRECT_VIDEO",
            {"privacy_level": "SELF_ONLY"},
        ),
        (
            ("--mode", "DIRECT", "--privacy", "SELF_ONLY", "--option", "is_aigc=true"),
            "DIRECT_VIDEO",
            {"privacy_level": "SELF_ONLY", "is_aigc": True},
        ),
    ],
)
def test_kind_and_options_reach_the_post(
    server_url, alice_api_key, direct_account_id, container, arguments, kind, settings
):
    account = ("--account", direct_account_id, "--no-follow")
    result = run_upload(server_url, alice_api_key, VIDEO_URL, *account, *arguments)
    assert result.exit_code == 0, result.output
    (post,) = load_posts(container)
    assert (post.kind, post.title) == (kind, "Uploaded from a terminal")
    assert post.payload_json == {"video_url": VIDEO_URL, "settings": settings}


def test_a_post_is_followed_to_its_end_and_only_a_published_one_succeeds(
    serve_app, app, make_api_client, alice, alice_api_key, direct_account_id
):
    owner = make_api_client(alice)

    def cancel_before_it_is_read(environ, start_response):
        if environ["REQUEST_METHOD"] == "GET":
            assert owner.post(f"{environ['PATH_INFO']}/cancel").status_code == 200
        return app(environ, start_response)

    url = serve_app(cancel_before_it_is_read)
    result = run_upload(url, alice_api_key, VIDEO_URL, "--account", direct_account_id)
    # The server runs in this process: its log is on stdout too.
    lines = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    assert [(line["state"], line["ok"]) for line in lines] == [
        ("QUEUED", True),
        ("CANCELLED", False),
    ]
    assert result.exit_code == 1


def test_an_option_without_a_value_is_refused(server_url, alice_api_key):
    result = run_upload(server_url, alice_api_key, VIDEO_URL, "--option", "is_aigc")
    assert result.exit_code == 1
    assert "NAME=VALUE" in result.output
