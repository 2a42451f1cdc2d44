"""The sink's endpoints: TikTok's API as far as our adapter uses it, strict about tokens and chunks.

Counts each call by id, shares no code with the adapter or the sandbox, and accepts anything else.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

ACCESS_TOKEN_SECONDS = 7_200
REFRESH_TOKEN_SECONDS = 15_552_000


@dataclass
class CallTally:
    """Counts one kind of call. Times are seconds since 1970; `wrong` calls were refused."""

    count: int = 0
    wrong: int = 0
    most_at_once: int = 0
    first: float = 0.0
    last: float = 0.0
    calls_by_id: dict[str, int] = field(default_factory=dict)
    in_flight: int = 0

    def record_start(self, subject_id: str) -> None:
        self.first = self.first or time.time()
        self.count += 1
        self.calls_by_id[subject_id] = self.calls_by_id.get(subject_id, 0) + 1
        self.in_flight += 1
        self.most_at_once = max(self.most_at_once, self.in_flight)

    def record_end(self) -> None:
        self.last = time.time()
        self.in_flight -= 1

    def summary(self) -> dict[str, Any]:
        return {
            "ids": len(self.calls_by_id),
            "most_per_id": max(self.calls_by_id.values(), default=0),
            "count": self.count,
            "wrong": self.wrong,
            "most_at_once": self.most_at_once,
            "first": self.first,
            "last": self.last,
        }


@dataclass
class ReceivedUpload:
    """One upload: its chunks must arrive in order, without gap or overlap."""

    size: int
    received: int = 0
    started_at: float = 0.0
    ended_at: float = 0.0


@dataclass
class SinkRequest:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytearray = field(default_factory=bytearray)
    length: int = 0
    at: float = field(default_factory=time.time)


SinkResponse = tuple[int, dict[str, str], Any]  # status, headers, JSON body


@dataclass
class Sink:
    """The sink's state, and its endpoints: each returns the id it is about and the response.

    Units: `delays` are seconds by kind of call.
    """

    delays: dict[str, float]
    tallies: dict[str, CallTally] = field(default_factory=dict)
    uploads: dict[str, ReceivedUpload] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    url: str = ""

    def tally(self, kind: str) -> CallTally:
        return self.tallies.setdefault(kind, CallTally())

    def summary(self) -> dict[str, Any]:
        calls = {kind: tally.summary() for kind, tally in self.tallies.items()}
        return {
            "calls": calls,
            "uploads": {name: vars(upload) for name, upload in self.uploads.items()},
        }

    def refresh_token(self, request: SinkRequest) -> tuple[str, SinkResponse]:
        """Refresh tokens are `rft.<open_id>.<generation>` and accepted once, as at TikTok."""
        token = parse_qs(request.body.decode())["refresh_token"][0]
        _, open_id, generation = token.split(".")
        if self.tokens.get(open_id, 0) != int(generation):
            self.tally("token").wrong += 1
            error = {"error": "invalid_grant", "error_description": "", "log_id": ""}
            return open_id, (200, {}, error)
        next_generation = int(generation) + 1
        self.tokens[open_id] = next_generation
        grant = {
            "access_token": f"act.{open_id}.{next_generation}",
            "refresh_token": f"rft.{open_id}.{next_generation}",
            "expires_in": ACCESS_TOKEN_SECONDS,
            "refresh_expires_in": REFRESH_TOKEN_SECONDS,
            "token_type": "Bearer",
            "open_id": open_id,
            "scope": "video.publish",
        }
        return open_id, (200, {}, grant)

    def init_upload(self, request: SinkRequest) -> tuple[str, SinkResponse]:
        source = json.loads(request.body)["source_info"]
        name = str(len(self.uploads) + 1)
        self.uploads[name] = ReceivedUpload(source["video_size"])
        upload_url = f"{self.url}/upload?id={name}"
        return name, ok_response({"publish_id": f"v_pub_file~{name}", "upload_url": upload_url})

    def receive_chunk(self, request: SinkRequest) -> tuple[str, SinkResponse]:
        name = request.query.partition("=")[2]
        upload = self.uploads[name]
        first, _, last_and_total = (
            request.headers["content-range"].removeprefix("bytes ").partition("-")
        )
        last, total = map(int, last_and_total.split("/"))
        fits = (int(first), total) == (upload.received, upload.size)
        if not fits or last - int(first) + 1 != request.length:
            self.tally("upload").wrong += 1
            return name, (416, range_header(upload), None)
        upload.started_at = upload.started_at or request.at
        upload.received = last + 1
        upload.ended_at = time.time()
        return name, (201 if upload.received == upload.size else 206, range_header(upload), None)

    def fetch_status(self, request: SinkRequest) -> tuple[str, SinkResponse]:
        name = json.loads(request.body)["publish_id"]
        upload = self.uploads.get(name.partition("~")[2])
        if upload is None:
            return name, ok_response({"status": "PROCESSING_DOWNLOAD", "downloaded_bytes": 1})
        is_complete = upload.received == upload.size
        status = "PUBLISH_COMPLETE" if is_complete else "PROCESSING_UPLOAD"
        return name, ok_response({"status": status, "uploaded_bytes": upload.received})

    def query_creator(self, _request: SinkRequest) -> tuple[str, SinkResponse]:
        return "creator", ok_response(CREATOR_INFO)


CREATOR_INFO = {
    "creator_username": "bench",
    "creator_nickname": "Bench",
    "creator_avatar_url": "https://127.0.0.1/bench.jpeg",
    "privacy_level_options": ["PUBLIC_TO_EVERYONE", "SELF_ONLY"],
    **dict.fromkeys(("comment_disabled", "duet_disabled", "stitch_disabled"), False),
    "max_video_post_duration_sec": 600,
}
ROUTES: dict[str, tuple[str, Callable[[Sink, SinkRequest], tuple[str, SinkResponse]]]] = {
    "/v2/oauth/token/": ("token", Sink.refresh_token),
    "/v2/post/publish/creator_info/query/": ("creator", Sink.query_creator),
    "/v2/post/publish/video/init/": ("start", Sink.init_upload),
    "/v2/post/publish/status/fetch/": ("status", Sink.fetch_status),
    "/upload": ("upload", Sink.receive_chunk),
}


def ok_response(data: dict[str, Any]) -> SinkResponse:
    return 200, {}, {"data": data, "error": {"code": "ok", "message": "", "log_id": "bench"}}


def range_header(upload: ReceivedUpload) -> dict[str, str]:
    return {"Content-Range": f"bytes 0-{max(upload.received - 1, 0)}/{upload.size}"}
