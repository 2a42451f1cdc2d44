"""What the sink answers: strict about tokens and chunks, and otherwise content with everything.

Speaks as TikTok does, as far as our adapter listens; shares no code with it, nor with the sandbox.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from bench.sink.tally import Tally

LIFE, LONG_LIFE = 7_200, 15_552_000  # seconds of an access and of a refresh token


@dataclass
class Film:
    """An upload: chunks one after the other, without gap or overlap."""

    size: int
    received: int = 0
    began: float = 0.0
    ended: float = 0.0


@dataclass
class Request:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytearray = field(default_factory=bytearray)
    length: int = 0
    at: float = field(default_factory=time.time)


Answer = tuple[int, dict[str, str], Any]  # status, headers, and what becomes JSON


@dataclass
class Sink:
    """`delays`: seconds by kind of call."""

    delays: dict[str, float]
    tallies: dict[str, Tally] = field(default_factory=dict)
    films: dict[str, Film] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    url: str = ""

    def tally(self, kind: str) -> Tally:
        return self.tallies.setdefault(kind, Tally())

    def told(self) -> dict[str, Any]:
        calls = {kind: tally.told() for kind, tally in self.tallies.items()}
        return {"calls": calls, "films": {name: vars(film) for name, film in self.films.items()}}

    def token(self, request: Request) -> tuple[str, Answer]:
        """`rft.<who>.<generation>`: each is good once, as TikTok has it."""
        token = parse_qs(request.body.decode())["refresh_token"][0]
        _, who, generation = token.split(".")
        if self.tokens.get(who, 0) != int(generation):
            self.tally("token").wrong += 1
            return who, (200, {}, {"error": "invalid_grant", "error_description": "", "log_id": ""})
        self.tokens[who] = int(generation) + 1
        next_one = f"{who}.{int(generation) + 1}"
        lives = {"expires_in": LIFE, "refresh_expires_in": LONG_LIFE, "token_type": "Bearer"}
        tokens = {"access_token": f"act.{next_one}", "refresh_token": f"rft.{next_one}"}
        return who, (200, {}, {**tokens, **lives, "open_id": who, "scope": "video.publish"})

    def start(self, request: Request) -> tuple[str, Answer]:
        source = json.loads(request.body)["source_info"]
        name = str(len(self.films) + 1)
        self.films[name] = Film(source["video_size"])
        address = f"{self.url}/upload?film={name}"
        return name, said({"publish_id": f"v_pub_file~{name}", "upload_url": address})

    def chunk(self, request: Request) -> tuple[str, Answer]:
        name = request.query.partition("=")[2]
        film = self.films[name]
        first, _, rest = request.headers["content-range"].removeprefix("bytes ").partition("-")
        last, total = map(int, rest.split("/"))
        fits = (int(first), total) == (film.received, film.size)
        if not fits or last - int(first) + 1 != request.length:
            self.tally("upload").wrong += 1
            return name, (416, ranged(film), None)
        film.began = film.began or request.at
        film.received, film.ended = last + 1, time.time()
        return name, (201 if film.received == film.size else 206, ranged(film), None)

    def status(self, request: Request) -> tuple[str, Answer]:
        name = json.loads(request.body)["publish_id"]
        film = self.films.get(name.partition("~")[2])
        if film is None:
            return name, said({"status": "PROCESSING_DOWNLOAD", "downloaded_bytes": 1})
        over = film.received == film.size
        word = "PUBLISH_COMPLETE" if over else "PROCESSING_UPLOAD"
        return name, said({"status": word, "uploaded_bytes": film.received})

    def creator(self, _request: Request) -> tuple[str, Answer]:
        return "creator", said(CREATOR)


CREATOR = {
    "creator_username": "bench",
    "creator_nickname": "Bench",
    "creator_avatar_url": "https://127.0.0.1/bench.jpeg",
    "privacy_level_options": ["PUBLIC_TO_EVERYONE", "SELF_ONLY"],
    **dict.fromkeys(("comment_disabled", "duet_disabled", "stitch_disabled"), False),
    "max_video_post_duration_sec": 600,
}
KINDS: dict[str, tuple[str, Callable[[Sink, Request], tuple[str, Answer]]]] = {
    "/v2/oauth/token/": ("token", Sink.token),
    "/v2/post/publish/creator_info/query/": ("creator", Sink.creator),
    "/v2/post/publish/video/init/": ("start", Sink.start),
    "/v2/post/publish/status/fetch/": ("status", Sink.status),
    "/upload": ("upload", Sink.chunk),
}


def said(data: dict[str, Any]) -> Answer:
    return 200, {}, {"data": data, "error": {"code": "ok", "message": "", "log_id": "bench"}}


def ranged(film: Film) -> dict[str, str]:
    return {"Content-Range": f"bytes 0-{max(film.received - 1, 0)}/{film.size}"}
