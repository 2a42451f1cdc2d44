"""What a platform checks and translates of a request for a post. Everything here is pure.

A request has the fields of `POST /api/posts`. A platform's own routes are older than that one:
they are translations to it and back, and their answers do not change.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from pydantic import BaseModel

PostFields = Mapping[str, Any]
"""A request's `kind`, `text`, `media` and `options`, as `POST /api/posts` has them."""

PostRules = Callable[[PostFields, datetime], Mapping[str, str]]
"""Checks the fields of a post request against each other: field → sentence."""


@dataclass(frozen=True)
class RequestRefusal:
    """Why an installation does not accept a request: our code, a sentence for developers."""

    code: str
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)


FindRefusal = Callable[[PostFields, Any], RequestRefusal | None]
"""Compares a request with the platform's settings; None if they allow it."""

ListUrls = Callable[[Mapping[str, Any]], Sequence[str]]
"""Returns the URLs that the platform fetches, from the stored fields of a post."""

StoreFields = Callable[[PostFields], dict[str, Any]]
"""Returns what a platform's steps read of a request, as JSON values for the post's row."""


class SeedUse(StrEnum):
    """What a platform's own route does."""

    REQUEST = "request"  # ask for a post
    SHOW = "show"  # one post by its id
    STATUS = "status"  # one post by the platform's id, asked for if the last report is old
    LIST = "list"  # the user's posts on this platform
    QUOTA = "quota"
    PROGRESS = "progress"  # bytes of one post
    CHOICES = "choices"  # what the account allows right now


@dataclass(frozen=True)
class SeedRoute:
    """A platform's own route. `to_response` translates the general answer to its body.

    `error_codes`: our code → the one that this route has always answered with. `is_timed`: the
    answer names the request's id and its duration in headers. `answer` describes its body.
    """

    use: SeedUse
    name: str
    path: str
    summary: str
    to_response: Callable[[Mapping[str, Any]], dict[str, Any]]
    error_codes: Mapping[str, str] = field(default_factory=dict)
    is_timed: bool = False
    answer: type[BaseModel] | None = None


class SeedPaths(Protocol):
    """The platform's own routes, and the translation of their request."""

    @property
    def routes(self) -> Sequence[SeedRoute]: ...
    @property
    def body(self) -> type[BaseModel]:
        """The model of a request's body."""
        ...

    @property
    def is_default_format(self) -> bool:
        """Whether `signalpost.enqueue_post` also accepts the fields of this body, and a retry is
        answered as its request is.
        """
        ...

    def find_body_problems(self, body: BaseModel) -> Mapping[str, str]:
        """Check what only this body can have wrong: field of the body → sentence."""
        ...

    def to_post_request(self, body: BaseModel) -> dict[str, Any]:
        """Translate a body to the fields of `POST /api/posts`."""
        ...

    def name_field(self, body: BaseModel, field: str) -> str:
        """Translate a field of `POST /api/posts` to the field of this body it came from."""
        ...

    def is_complete(self, answer: Mapping[str, Any]) -> bool:
        """Whether a request is answered with 200 and not with 202."""
        ...
