"""signalpost behind nginx and Caddy, below a path: pages, API, uploads, webhooks, addresses."""

import base64
import json
import os
import re
import secrets
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.parse import urljoin, urlsplit

import pytest
import requests

from local.ports import LOOPBACK_HOST, find_free_port
from tests.flows.api_user import CHUNKED_FILE_BYTES, SMALL_FILE_BYTES, TUS_HEADERS, make_video
from tests.flows.brokers import wait_until
from tests.flows.proxies import (
    NGINX_WITH_ITS_BODY_LIMIT,
    PREFIX,
    PROXY_KINDS,
    run_proxy,
)
from tests.flows.stacks import ROOT, SIGNALPOST_COMMAND, run_stack
from tests.support.tiktok_webhooks import build_envelope, sign_body

LINK_PATTERN = re.compile(r'(?:href|src|action|data-live|data-posts-url)="([^"]*)"')
CSRF_PATTERN = re.compile(r'name="csrf_token" value="([^"]+)"')
CHUNK_HEADERS = {**TUS_HEADERS, "Content-Type": "application/offset+octet-stream"}
CHUNK_BYTES = 8 * 1024 * 1024
PULL_POST = {
    "source": "PULL_FROM_URL",
    "videoUrl": "https://videos.example.com/video.mp4",
    "mode": "DIRECT",
    "privacy_level": "PUBLIC_TO_EVERYONE",
    "title": "Through a proxy",
}
TIMEOUT = 30.0  # seconds
SLOW_SENDERS = 40  # more than web has threads
SPOOFED_HEADERS = [
    {"X-Forwarded-For": "192.0.2.1"},
    {"X_Forwarded_For": "192.0.2.2"},
    {"X-Forwarded-For": "192.0.2.3:50312"},
    {"Forwarded": "for=192.0.2.4"},
    {"X-Real-IP": "192.0.2.5"},
    {"X-Forwarded-For": "192.0.2.6, 192.0.2.7"},
]


@pytest.fixture(scope="module")
def proxied_stack(tmp_path_factory):
    """A stack whose PUBLIC_URL is that of the first proxy; the URL of each proxy by its name."""
    port = find_free_port()
    public_url = f"http://{LOOPBACK_HOST}:{port}{PREFIX}"
    folder = tmp_path_factory.mktemp("stack")
    with (
        run_stack(folder, PUBLIC_URL=public_url, TRUSTED_PROXY_COUNT="1") as stack,
        ExitStack() as proxies,
    ):
        web = urlsplit(stack.info["web"]).netloc
        urls = {}
        for name, kind in PROXY_KINDS.items():
            proxy_folder = tmp_path_factory.mktemp("proxy")
            own_port = port if not urls else None
            urls[name] = proxies.enter_context(run_proxy(kind, proxy_folder, web, port=own_port))
        yield stack, urls


@pytest.fixture(scope="module")
def creator(proxied_stack):
    """A creator with a connected account; the sandbox sends people back to PUBLIC_URL."""
    return proxied_stack[0].create_api_user()


@pytest.fixture(params=PROXY_KINDS)
def proxy_url(request, proxied_stack):
    return proxied_stack[1][request.param]


@pytest.fixture
def api(proxied_stack):
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {proxied_stack[0].info['api_key']}"
    return session


def sign_in(url, info):
    browser = requests.Session()
    form = browser.get(f"{url}/login", timeout=TIMEOUT).text
    fields = {
        "email": info["user"],
        "password": info["password"],
        "csrf_token": CSRF_PATTERN.search(form)[1],
    }
    page = browser.post(f"{url}/login", fields, timeout=TIMEOUT)
    assert page.ok, page.text
    assert urlsplit(page.url).path == f"{PREFIX}/"
    return browser


def test_every_link_of_the_pages_leads_somewhere(proxied_stack, creator, proxy_url):
    browser = sign_in(proxy_url, proxied_stack[0].info)
    pages = [
        "/",
        "/posts",
        "/settings/keys",
        "/platforms/tiktok/upload",
        "/platforms/connect/tiktok",
    ]
    links = set()
    for page in pages:
        response = browser.get(proxy_url + page, timeout=TIMEOUT)
        assert response.ok, page
        links |= {urljoin(response.url, link) for link in LINK_PATTERN.findall(response.text)}
    own_links = {link for link in links if urlsplit(link).netloc == urlsplit(proxy_url).netloc}
    assert len(own_links) > len(pages)
    assert [link for link in own_links if not urlsplit(link).path.startswith(PREFIX + "/")] == []
    unsafe = ("/logout", "/api/auth/")  # a POST, and a redirect to the platform
    statuses = {
        link: browser.get(link, timeout=TIMEOUT).status_code
        for link in own_links
        if not any(part in link for part in unsafe)
    }
    assert {link: status for link, status in statuses.items() if status not in {200, 405}} == {}
    assert creator.account_id


def create_upload(api, url, size):
    metadata = f"filename {base64.b64encode(b'video.mp4').decode()}"
    headers = {**TUS_HEADERS, "Upload-Length": str(size), "Upload-Metadata": metadata}
    created = api.post(f"{url}/api/media", headers=headers, timeout=TIMEOUT)
    assert created.status_code == 201, created.text
    return urljoin(created.url, created.headers["Location"])


def upload_video(api, url, data):
    location = create_upload(api, url, len(data))
    for offset in range(0, len(data), CHUNK_BYTES):
        headers = {**CHUNK_HEADERS, "Upload-Offset": str(offset)}
        chunk = data[offset : offset + CHUNK_BYTES]
        sent = api.patch(location, data=chunk, headers=headers, timeout=TIMEOUT)
        assert sent.status_code == 204, sent.text
    return int(location.rpartition("/")[2])


@pytest.mark.parametrize("size", [SMALL_FILE_BYTES, CHUNKED_FILE_BYTES])
def test_an_upload_is_posted(creator, api, proxy_url, size):
    media_id = upload_video(api, proxy_url, make_video(size))
    body = {
        **PULL_POST,
        "source": "FILE_UPLOAD",
        "media_id": media_id,
        "account_id": creator.account_id,
    }
    del body["videoUrl"]
    headers = {"Idempotency-Key": secrets.token_hex(8), "Prefer": "respond-async"}
    answer = api.post(f"{proxy_url}/api/tiktok/upload", json=body, headers=headers, timeout=TIMEOUT)
    assert answer.ok, answer.text
    assert answer.headers["Location"].startswith(f"{PREFIX}/api/posts/")
    post = creator.wait_until_final(answer.json()["data"]["id"])
    assert post["state"] == "PUBLISHED"


def test_a_webhook_is_stored(proxied_stack, proxy_url):
    stack, _ = proxied_stack
    secret = json.loads((stack.folder / "data" / "settings.json").read_text())[
        "TIKTOK_CLIENT_SECRET"
    ]
    client_key = json.loads((stack.folder / "data" / "settings.json").read_text())[
        "TIKTOK_CLIENT_KEY"
    ]
    publish_id = f"v_pub~{secrets.token_hex(8)}"
    body = json.dumps(build_envelope(client_key=client_key, publish_id=publish_id)).encode()
    for path in ("/api/webhooks/tiktok", "/api/webhooks/tiktok"):
        headers = {"TikTok-Signature": sign_body(body, secret=secret)}
        answer = requests.post(proxy_url + path, data=body, headers=headers, timeout=TIMEOUT)
        assert answer.status_code == 200, answer.text
    count = "SELECT count(*) FROM webhook_events WHERE publish_id = %s"
    assert stack.query_value(count, publish_id) == 1  # others may arrive from the sandbox
    answer = requests.post(
        f"{proxy_url}/api/webhooks/tiktok",
        data=body,
        headers={"TikTok-Signature": sign_body(body, secret="another")},
        timeout=TIMEOUT,
    )
    assert answer.status_code == 401


def test_no_header_of_a_client_gives_it_another_address(proxied_stack, proxy_url):
    remaining = []
    for headers in SPOOFED_HEADERS:
        answer = requests.get(f"{proxy_url}/api/auth/me", headers=headers, timeout=TIMEOUT)
        remaining.append(int(answer.headers["X-RateLimit-Remaining"]))
    assert remaining == sorted(remaining, reverse=True)
    assert len(set(remaining)) == len(remaining)


def test_slow_senders_leave_the_others_unharmed(proxied_stack, proxy_url):
    address = urlsplit(proxy_url)
    head = (
        f"POST {PREFIX}/logout HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 60000\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n\r\na"
    ).encode()
    with ExitStack() as senders:
        for _ in range(SLOW_SENDERS):
            sock = senders.enter_context(
                socket.create_connection((address.hostname, address.port), timeout=TIMEOUT)
            )
            sock.sendall(head)
        with ThreadPoolExecutor(8) as pool:
            answers = pool.map(
                lambda _: requests.get(f"{proxy_url}/login", timeout=TIMEOUT), range(16)
            )
            assert {answer.status_code for answer in answers} == {200}


def test_a_connection_is_used_for_many_requests(api, proxy_url):
    statuses = [
        api.get(f"{proxy_url}/api/posts?limit=1", timeout=TIMEOUT).status_code for _ in range(50)
    ]
    assert set(statuses) == {200}


def test_a_body_that_the_proxy_refuses_is_explained_to_the_one_who_uploads(
    proxied_stack, creator, tmp_path
):
    stack, _ = proxied_stack
    video = tmp_path / "film.mp4"
    video.write_bytes(make_video(CHUNK_BYTES))
    web = urlsplit(stack.info["web"]).netloc
    with run_proxy(NGINX_WITH_ITS_BODY_LIMIT, tmp_path, web) as url:
        command = [*SIGNALPOST_COMMAND, "upload", str(video), "--account", str(creator.account_id)]
        result = subprocess.run(
            [*command, "--url", url, "--title", "Too large for the proxy"],
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "SIGNALPOST_API_KEY": stack.info["api_key"],
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    assert result.returncode == 1
    assert "413" in result.stderr
    assert "proxy" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_store_that_a_proxy_hides_does_not_leave_a_waiting_client(proxied_stack, proxy_url):
    answer = requests.get(f"{proxy_url}/readyz", timeout=TIMEOUT)
    assert answer.status_code == 200, answer.text
    wait_until(lambda: requests.get(f"{proxy_url}/healthz", timeout=TIMEOUT).ok, what="an answer")
