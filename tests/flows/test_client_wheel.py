"""The wheel of the Python client works where nothing of ours is installed: an empty environment."""

import json
import shutil
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.flows.api_user import make_video
from tests.flows.empty_environments import (
    PIP_COMMAND,
    create_environment,
    read_metadata,
    run_program,
)

SOURCE = Path(__file__).parents[2] / "clients" / "python"
PROGRAM = """
import importlib.util, json, sys
from signalpost_client import Client, errors

url, key, account_id, file = sys.argv[1:]
progress = []
with Client(url, key) as client:
    media_id = client.media.upload(
        file, chunk_bytes=100_000, on_progress=lambda *step: progress.append(step)
    )
    post = client.posts.create(
        account_id=int(account_id), kind="DIRECT_VIDEO", text="From a wheel", media=[media_id],
        options={"privacy_level": "PUBLIC_TO_EVERYONE"},
    )
    quota = client.accounts.get_quota("tiktok", account_id=int(account_id))
    post = client.posts.wait_until_final(post["id"], timeout=60, poll_interval=0.3)
    newest = next(iter(client.posts.list(page_size=1)))
    try:
        client.posts.get(2**62)
    except errors.ResourceNotFound as error:
        code = error.code
print(json.dumps({
    "agent": client.transport.session.headers["User-Agent"],
    "code": code,
    "module": importlib.util.find_spec("signalpost_client").origin,
    "newest": newest["id"] == post["id"],
    "progress": progress,
    "quotas": sorted(quota["quotas"]),
    "server_is_there": any(importlib.util.find_spec(name) for name in ("app", "core", "flask")),
    "state": post["state"],
}))
"""


@pytest.fixture(scope="module")
def client_wheel(tmp_path_factory):
    """The wheel, built without a network, of a copy: a build writes beside its source."""
    folder = tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
    source = shutil.copytree(SOURCE, folder / "source", ignore=ignored)
    options = ("--no-deps", "--no-build-isolation", "--no-index")
    run_program(*PIP_COMMAND, "wheel", *options, "--wheel-dir", folder, source)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def empty_python(tmp_path_factory, client_wheel):
    """Python of an environment with the wheel and the packages that it declares."""
    return create_environment(tmp_path_factory.mktemp("environment"), client_wheel)


def test_the_wheel_has_types_and_one_dependency(client_wheel):
    metadata = read_metadata(client_wheel)
    with ZipFile(client_wheel) as archive:
        names = set(archive.namelist())
    assert (metadata["Name"], metadata["License-Expression"]) == ("signalpost-client", "MIT")
    assert metadata.get_all("Requires-Dist") == ["requests>=2.34"]
    assert "wait_until_final" in metadata.get_payload()
    assert "signalpost_client/py.typed" in names
    assert {name.partition("/")[0] for name in names} == {
        "signalpost_client",
        f"signalpost_client-{metadata['Version']}.dist-info",
    }


def test_a_program_with_nothing_but_the_wheel_publishes_a_video(api_user, empty_python, tmp_path):
    video = tmp_path / "video.mp4"
    video.write_bytes(make_video(250_000))
    key = api_user.api_session.headers["Authorization"].removeprefix("Bearer ")
    output = run_program(
        empty_python, "-I", "-c", PROGRAM, api_user.url, key, api_user.account_id, video
    )
    report = json.loads(output)
    assert Path(report["module"]).is_relative_to(empty_python.parents[1])
    assert report["agent"].startswith("signalpost-client/0")
    assert report["progress"] == [[offset, 250_000] for offset in (0, 100_000, 200_000, 250_000)]
    assert report["state"] == "PUBLISHED"
    assert report["newest"]
    assert report["quotas"]
    assert report["code"] == "NOT_FOUND"
    assert not report["server_is_there"]
    assert api_user.count_publications() == 1
