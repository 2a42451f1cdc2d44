"""The sink in the platform's place: started, asked what it has counted, and stopped."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.shared_servers import ROOT

REQUEST_TIMEOUT = 10.0  # seconds of one question
NO_CALLS = {"count": 0, "wrong": 0, "ids": 0, "most_per_id": 0, "most_at_once": 0}


@dataclass(frozen=True)
class SinkProcess:
    url: str
    pid: int

    def summary(self) -> dict[str, Any]:
        return fetch_json(f"{self.url}/told")

    def calls(self, kind: str) -> dict[str, Any]:
        """How often, for how many ids, how often for one of them, and from when to when."""
        found: dict[str, Any] = self.summary()["calls"].get(kind, NO_CALLS)
        return found

    def start_upload(self, source: Mapping[str, Any]) -> str:
        """The address that a film of this plan is to be sent to."""
        body = json.dumps({"source_info": dict(source)}).encode()
        payload = fetch_json(f"{self.url}/v2/post/publish/video/init/", body)
        return str(payload["data"]["upload_url"])


def fetch_json(url: str, body: bytes | None = None) -> dict[str, Any]:
    with urllib.request.urlopen(url, body, timeout=REQUEST_TIMEOUT) as response:
        payload: dict[str, Any] = json.load(response)
    return payload


@contextmanager
def run_sink(**delays: float) -> Iterator[SinkProcess]:
    """`delays`: seconds before the answer to each kind of call."""
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
