"""The sandbox as a process: its start, refused options, its end, its pages and controls."""

import http.client
import json
import os
import signal
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from tests.platforms.raw_sandbox_client import run_raw_sandbox, wait_for
from tests.platforms.sandbox_client import ROOT, fetch_page

COMMAND = [sys.executable, "-m", "platforms.sandbox"]
APP_CREDENTIALS = {"TIKTOK_CLIENT_KEY": "sbaw_test", "TIKTOK_CLIENT_SECRET": "canary_secret"}


def run_sandbox_command(*arguments, **environ):
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.mark.parametrize("name", APP_CREDENTIALS)
def test_it_does_not_start_without_key_and_secret(name):
    environ = {key: value for key, value in APP_CREDENTIALS.items() if key != name}
    process = run_sandbox_command(**environ)
    assert process.returncode != 0
    assert name in process.stderr
    assert "canary_secret" not in process.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--redirect-uri", "http://example.com/callback"],
        ["--redirect-uri", "https://example.com/callback?a=b"],
        ["--redirect-uri", "https://example.com/callback#a"],
        ["--redirect-uri", "https://example.com/" + "a" * 500],
        ["--webhook-url", "http://example.com/webhook"],
    ],
)
def test_what_tiktok_would_not_register_is_refused(arguments):
    assert run_sandbox_command(*arguments, **APP_CREDENTIALS).returncode != 0


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_on_a_signal_even_with_a_pending_response(signal_number):
    process = subprocess.Popen(
        COMMAND, cwd=ROOT, env=os.environ | APP_CREDENTIALS, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            url = json.loads(process.stdout.readline())["url"]
            connection = open_hanging_request(url)
        finally:
            process.send_signal(signal_number)
        assert process.wait(5) == 0
    connection.close()


def open_hanging_request(url):
    """Return a connection whose request has arrived and is never answered."""
    fault = {"endpoint": "token", "kind": "hang"}
    assert fetch_page(f"{url}/_sandbox/faults", json.dumps(fault).encode())[0] == 200
    url_parts = urlsplit(url)
    connection = http.client.HTTPConnection(url_parts.hostname, url_parts.port)
    connection.request("POST", "/v2/oauth/token/", "")
    wait_for(lambda: json.loads(fetch_page(f"{url}/_sandbox/log")[2])["log"])
    return connection


def test_two_servers_share_nothing(sandbox):
    with run_raw_sandbox() as other:
        sandbox.connect_creator()
        assert other.control("log")["log"] == []


def test_the_html_page_lists_creators_posts_and_deliveries(sandbox):
    creator = sandbox.connect_creator(nickname="Grace")
    publish_id = sandbox.upload_video(creator)
    status, _, page = fetch_page(sandbox.url + "/")
    assert status == 200
    assert "Grace" in page
    assert publish_id in page
    assert "post.publish.inbox_delivered" in page


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("settings", {"audittted": True}),
        ("settings", {"audited": "yes"}),
        ("settings", {"profile": "future"}),
        ("settings", {"refresh_restarts": "sometimes"}),
        ("settings", {"strict_media": 1}),
        ("settings", {"webhook_url": "http://example.com/"}),
        ("creators", {"shoe_size": 43}),
        ("clock", {"advance": -1}),
        ("webhooks", {"spoil": "rotten"}),
    ],
)
def test_a_mistyped_control_is_refused(sandbox, path, body):
    answer = sandbox.send("POST", f"/_sandbox/{path}", json.dumps(body))
    assert answer.status == 400
    assert answer.json["error"]
