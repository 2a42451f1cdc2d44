"""The state of the imitated Meta: apps, people, Pages, accounts and what was published."""

import secrets
import threading
from dataclasses import dataclass, field
from typing import Any, cast

from flask import current_app

from platforms.sandbox.instagram.delivery_bodies import EntryChange
from platforms.sandbox.instagram.people import (
    Business,
    IgAccount,
    LoginConfiguration,
    Page,
    Person,
)
from platforms.sandbox.instagram.publishing_records import PublishingRecords
from platforms.sandbox.instagram.reading_state import ReadingState
from platforms.sandbox.instagram.settings import InstagramSandboxSettings
from platforms.sandbox.instagram.tokens import MetaTokens
from platforms.sandbox.state import SandboxState

ID_LENGTH = 17  # digits


@dataclass(frozen=True)
class MetaApp:
    """An app's registration; the Facebook app and its Instagram app have different ones."""

    id: str
    secret: str = field(repr=False)


@dataclass
class InstagramState:
    """Everything that one sandbox knows of Facebook and Instagram; guarded by `lock`."""

    sandbox: SandboxState
    facebook_app: MetaApp
    instagram_app: MetaApp
    redirect_uris: tuple[str, ...]
    settings: InstagramSandboxSettings = field(default_factory=InstagramSandboxSettings)
    verify_token: str = field(default="", repr=False)  # of the app's webhook subscription
    people: dict[str, Person] = field(default_factory=dict)
    pages: dict[str, Page] = field(default_factory=dict)
    businesses: dict[str, Business] = field(default_factory=dict)
    accounts: dict[str, IgAccount] = field(default_factory=dict)
    configurations: dict[str, LoginConfiguration] = field(default_factory=dict)
    tokens: MetaTokens = field(default_factory=MetaTokens)
    containers: dict[str, Any] = field(default_factory=dict)
    media: dict[str, Any] = field(default_factory=dict)
    publishing: PublishingRecords = field(default_factory=PublishingRecords)
    comments: dict[str, Any] = field(default_factory=dict)
    calls: dict[str, Any] = field(default_factory=dict)  # usage counters
    reading: ReadingState = field(default_factory=ReadingState)
    # changes that wait for their delivery, by login
    pending_changes: dict[str, list[EntryChange]] = field(default_factory=dict)
    callbacks: list[dict[str, Any]] = field(default_factory=list)  # sent, and their answers
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    serial: int = field(default_factory=lambda: secrets.randbelow(900_000) + 100_000)

    @property
    def now(self) -> float:
        return self.sandbox.clock.time

    def new_id(self, prefix: str) -> str:
        """Return a new id of 17 digits that begins with the prefix; ids of servers differ."""
        with self.lock:
            self.serial += 1 + secrets.randbelow(9)
            return prefix + str(self.serial).rjust(ID_LENGTH - len(prefix), "0")

    def find_app(self, flavour: str) -> MetaApp:
        return self.instagram_app if flavour == "instagram" else self.facebook_app

    def node_kind(self, node_id: str) -> str:
        """Return page, account, container, media, comment, person, business, or nothing."""
        kinds: dict[str, dict[str, Any]] = {
            "page": self.pages,
            "account": self.accounts,
            "container": self.containers,
            "media": self.media,
            "comment": self.comments,
            "person": self.people,
            "business": self.businesses,
        }
        return next((kind for kind, nodes in kinds.items() if node_id in nodes), "")


def find_instagram() -> InstagramState | None:
    """Return the state that serves this request; None if the sandbox imitates TikTok alone."""
    return cast("InstagramState | None", current_app.extensions["instagram"])


def current_instagram() -> InstagramState:
    """Return the state that serves this request."""
    return cast("InstagramState", current_app.extensions["instagram"])
