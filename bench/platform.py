"""The sink in the platform's place: started, asked what it has counted, and stopped."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.ground import ROOT

PATIENCE = 10.0  # seconds of one question
NONE = {"count": 0, "wrong": 0, "ids": 0, "most_per_id": 0, "most_at_once": 0}


@dataclass(frozen=True)
class Platform:
    url: str
    pid: int

    def told(self) -> dict[str, Any]:
        return asked(f"{self.url}/told")

    def calls(self, kind: str) -> dict[str, Any]:
        """How often, for how many ids, how often for one of them, and from when to when."""
        found: dict[str, Any] = self.told()["calls"].get(kind, NONE)
        return found

    def start(self, source: Mapping[str, Any]) -> str:
        """The address that a film of this plan is to be sent to."""
        body = json.dumps({"source_info": dict(source)}).encode()
        told = asked(f"{self.url}/v2/post/publish/video/init/", body)
        return str(told["data"]["upload_url"])


def asked(url: str, body: bytes | None = None) -> dict[str, Any]:
    with urllib.request.urlopen(url, body, timeout=PATIENCE) as answer:  # noqa: S310 - our own
        told: dict[str, Any] = json.load(answer)
    return told


@contextmanager
def a_platform(**delays: float) -> Iterator[Platform]:
    """`delays`: seconds before the answer to each kind of call."""
    command = [sys.executable, "-m", "bench.sink", json.dumps(delays)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield Platform(process.stdout.readline().strip(), process.pid)
    finally:
        process.terminate()
        process.wait(PATIENCE)
        if process.stdout:
            process.stdout.close()
