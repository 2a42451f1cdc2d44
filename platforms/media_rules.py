"""Rules of platforms about media files, as data. `core.media` compares a file with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NumberRange = tuple[float, float]
"""The least and the greatest allowed value."""


@dataclass(frozen=True)
class MediaRule:
    """What one kind of media file has to be. None means that there is no such rule.

    `content_types` and `containers` name what is allowed; `max_bytes` in bytes, `seconds` the
    duration, `ratio` width divided by height, `width` in pixels, `fps` frames per second.
    `can_fetch`: the platform fetches it from a URL; `can_send`: we send the bytes.
    `codes`: our reason → the platform's own error code; reasons are `format`, `too_large`,
    `duration`, `ratio`, `width`, `height`, `frame_rate`, `codec`, `audio_codec`.
    """

    name: str
    content_types: frozenset[str]
    max_bytes: int
    is_video: bool
    max_bytes_setting: str | None = None  # the platform's setting that replaces `max_bytes`
    containers: frozenset[str] | None = None
    seconds: NumberRange | None = None
    ratio: NumberRange | None = None
    width: NumberRange | None = None
    height: NumberRange | None = None
    fps: NumberRange | None = None
    codecs: frozenset[str] | None = None
    audio_codecs: frozenset[str] | None = None
    can_fetch: bool = True
    can_send: bool = False
    codes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MediaViolation:
    """Why a file breaks a rule: our reason, the platform's code, the value and what is allowed."""

    reason: str
    code: str
    value: Any = None
    allowed: Any = None
