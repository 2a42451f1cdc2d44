"""After a post was published, no secret is readable: in no row, key, file, log, page or answer."""

import re
import subprocess
import sys
from contextlib import contextmanager
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import redis
import requests
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from tests.flows.api_user import DIRECT_FIELDS, REQUEST_TIMEOUT, SMALL_FILE_BYTES
from tests.flows.brokers import wait_until
from tests.flows.child_processes import start_process
from tests.flows.readable_texts import redis_entries, table_rows
from tests.flows.secret_search import (
    dump_database,
    encode_secret,
    find_secrets,
    list_secrets,
    read_logs,
    read_metrics,
    read_process_lists,
    read_stores,
)

TOKEN_PATTERN = re.compile(rb"(?:act|rft)\.[\w-]{20,}")
"""Access and refresh tokens as the sandbox issues them."""

CANARY = 'canary/with+signs?and=1 "quotes" \\ é ' + "x7Kq" * 6
"""Looks different in each encoding."""


def read_tables(stack):
    """Yield every row of every table."""
    for name, text in table_rows(stack):
        yield name, text.encode()


def read_redis(stack):
    """Yield every key and value of Redis, of any type."""
    for _, text in redis_entries(stack):
        yield "Redis", text.encode()


def read_error_answers(stack, secret):
    """Yield what is answered to wrong requests that carry the secret, in each part of a request."""
    url = stack.info["web"]
    bearer = {"Authorization": f"Bearer {quote(secret, safe='')}"}
    key = {"Authorization": f"Bearer {stack.info['api_key']}"}
    requests_sent = [
        ("GET", f"/api/posts/{quote(secret, safe='')}", {}),
        ("GET", "/api/posts", {"params": {"state": secret}, "headers": key}),
        ("GET", "/api/posts", {"headers": bearer}),
        ("POST", "/api/posts", {"json": {"platform": secret, "kind": secret}, "headers": key}),
        ("POST", "/api/posts", {"data": f'{{"{quote(secret)}', "headers": key}),
        ("POST", "/api/auth/login", {"json": {"email": "a@example.org", "password": secret}}),
        ("POST", "/login", {"data": {"password": secret}}),
        ("GET", "/api/auth/tiktok/callback", {"params": {"code": secret, "state": secret}}),
        (
            "POST",
            "/api/webhooks/tiktok",
            {"data": b"{}", "headers": {"TikTok-Signature": "t=1,s="}},
        ),
        ("GET", f"/m/{quote(secret, safe='')}/video.mp4", {}),
        ("GET", "/metrics", {"headers": bearer}),
        ("POST", "/api/workers/webhooks", {"headers": bearer}),
    ]
    for method, path, options in requests_sent:
        answer = requests.request(
            method, url + path, timeout=REQUEST_TIMEOUT, allow_redirects=False, **options
        )
        assert answer.status_code >= 300, (method, path)
        headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        yield f"answer {method} {path.partition('?')[0][:20]}", headers.encode() + answer.content


PLACES = (
    *(read_tables, read_redis, dump_database, read_stores, read_logs),
    *(read_metrics, read_process_lists),
)


def read_places(stack):
    for read in PLACES:
        yield from read(stack)


@pytest.fixture
def stored_secrets(stack, api_user):
    """Publish a post, request an upload URL, and return all secrets that were used."""
    api_user.wait_until_final(api_user.publish_file())
    response = api_user.request_post(
        wait=True, source="FILE_UPLOAD", video_size=SMALL_FILE_BYTES, **DIRECT_FIELDS
    ).json()
    upload_query = parse_qs(urlsplit(response["data"]["upload_url"]).query)
    return [*list_secrets(stack, api_user), *upload_query["upload_token"]]


def test_after_a_published_post_no_secret_is_readable_anywhere(stack, stored_secrets):
    places = list(read_places(stack))
    assert find_secrets(places, stored_secrets) == set()
    assert {name for name, data in places if TOKEN_PATTERN.search(data)} == set()
    names = {name.partition(" ")[0] for name, _ in places}
    assert names == {"table", "Redis", "dump", "WAL", "AOF", "log", "metrics", "process"}


def test_no_answer_to_a_wrong_request_repeats_a_secret(stack, stored_secrets):
    for secret in (stored_secrets[0], CANARY):
        assert find_secrets(read_error_answers(stack, secret), [secret]) == set()
    assert find_secrets(read_logs(stack), [CANARY]) == set()


def test_an_answer_that_repeats_one_is_found(stack):
    secret = "a-canary-of-a-header"
    url, headers = f"{stack.info['web']}/healthz", {"X-Request-Id": secret}
    answer = requests.get(url, headers=headers, timeout=REQUEST_TIMEOUT)
    places = [("answer", "\n".join(answer.headers.values()).encode())]
    assert find_secrets(places, [secret]) == {"answer"}


@contextmanager
def planted_process(canary):
    """Run a process with the canary among its arguments."""
    command = [sys.executable, "-c", "input()", canary]
    process = start_process(command, stdin=subprocess.PIPE)
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def planted_metric(stack, canary):
    """Let the stack's page of metrics have a label with the canary."""
    file = stack.folder / "data" / "metrics" / "counter_1.db"
    values = MmapedDict(str(file))
    name = "signalpost_planted"
    values.write_value(mmap_key(name, f"{name}_total", ["is"], [canary], "planted"), 1.0, 0.0)
    values.close()
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


@contextmanager
def planted_rows(stack, canary):
    """Store the canary in Postgres and Redis, each in another encoding."""
    stack.query("INSERT INTO beats (name, at) VALUES (%s, now())", canary.encode().hex())
    with redis.Redis.from_url(stack.info["broker"]) as store:
        store.set("planted", quote(canary, safe=""), ex=60)
        try:
            yield
        finally:
            store.delete("planted")
            stack.query("DELETE FROM beats WHERE name = %s", canary.encode().hex())


def test_the_search_would_find_one_in_each_place(stack):
    canary = "canary-" + "w3Zt" * 6
    log_file = stack.folder / "data" / "beat.log"
    length = log_file.stat().st_size
    with (
        planted_rows(stack, canary),
        planted_process(canary),
        planted_metric(stack, canary),
    ):
        with log_file.open("a") as log:
            log.write(f"{canary}\n")
        try:
            expected = {"table beats", "Redis", "dump", "WAL", "AOF", "log beat.log", "metrics"}
            expected.add("process list")
            wait_until(  # Redis writes its file once a second
                lambda: find_secrets(read_places(stack), [canary]) == expected,
                what=f"found: {find_secrets(read_places(stack), [canary])}",
            )
        finally:
            with log_file.open("r+") as log:
                log.truncate(length)


@pytest.mark.parametrize("form", sorted(encode_secret(CANARY)), ids=repr)
def test_the_search_finds_each_encoding(form):
    assert find_secrets([("file", b"before " + form + b" after")], [CANARY]) == {"file"}
    assert find_secrets([("file", form[:-1] + b"~")], [CANARY]) == set()
