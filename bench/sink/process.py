"""Starts the sink as a process, reads its counts, and stops it."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.shared_servers import ROOT

REQUEST_TIMEOUT = 10.0  # seconds
NO_CALLS = {"count": 0, "wrong": 0, "ids": 0, "most_per_id": 0, "most_at_once": 0}


@dataclass(frozen=True)
class SinkProcess:
    url: str
    pid: int

    def summary(self) -> dict[str, Any]:
        """Return all counts: calls by kind, uploads by name."""
        return fetch_json(f"{self.url}/summary")

    def calls(self, kind: str) -> dict[str, Any]:
        """Return the counts and times of one kind of call."""
        calls: dict[str, Any] = self.summary()["calls"].get(kind, NO_CALLS)
        return calls

    def start_upload(self, source: Mapping[str, Any]) -> str:
        """Start an upload with this chunk plan and return its upload URL."""
        body = json.dumps({"source_info": dict(source)}).encode()
        payload = fetch_json(f"{self.url}/v2/post/publish/video/init/", body)
        return str(payload["data"]["upload_url"])


def fetch_json(url: str, body: bytes | None = None) -> dict[str, Any]:
    with urllib.request.urlopen(url, body, timeout=REQUEST_TIMEOUT) as response:  # noqa: S310 - the sink's URL
        payload: dict[str, Any] = json.load(response)
    return payload


@contextmanager
def run_sink(**delays: float) -> Iterator[SinkProcess]:
    """Run the sink. Units: `delays` are seconds before the response, by kind of call."""
    command = [sys.executable, "-m", "bench.sink", json.dumps(delays)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield SinkProcess(process.stdout.readline().strip(), process.pid)
    finally:
        process.terminate()
        process.wait(REQUEST_TIMEOUT)
        if process.stdout:
            process.stdout.close()
