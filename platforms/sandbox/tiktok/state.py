"""All that one imitation of TikTok remembers, in one object behind one lock. Speaks no HTTP."""

import threading
from dataclasses import dataclass, field
from typing import cast

from flask import current_app

from platforms.sandbox.house import House
from platforms.sandbox.tiktok.creators import Creator, residents
from platforms.sandbox.tiktok.films import Films
from platforms.sandbox.tiktok.meter import Meter
from platforms.sandbox.tiktok.posts import Post, Posts
from platforms.sandbox.tiktok.settings import Settings
from platforms.sandbox.tiktok.tokens import Tokens


@dataclass
class TikTok:
    house: House
    client_key: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    settings: Settings = field(default_factory=Settings)
    creators: dict[str, Creator] = field(default_factory=residents)
    tokens: Tokens = field(default_factory=Tokens)
    posts: Posts = field(default_factory=Posts)
    films: Films = field(default_factory=Films)
    meter: Meter = field(default_factory=Meter)
    asked_at: dict[str, float] = field(default_factory=dict)  # creator_info, by open_id
    warnings: list[dict[str, str]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def time(self) -> float:
        return self.house.clock.time

    def creator(self, post: Post) -> Creator:
        return self.creators[post.open_id]


def here() -> TikTok:
    """The platform whose request this is."""
    return cast("TikTok", current_app.extensions["tiktok"])
