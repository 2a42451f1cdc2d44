"""Compares a media file with the rules of a platform. What is not known is left to the platform."""

from collections.abc import Iterable, Mapping
from typing import Any

from platforms.media_rules import MediaRule, MediaViolation, NumberRange

MediaInfo = Mapping[str, Any]
"""What `probe_media` returned."""

UNKNOWN_CONTENT_TYPES = frozenset({"", "application/octet-stream", "binary/octet-stream"})
CONTENT_TYPE_BY_CONTAINER = {
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "mov": "video/quicktime",
    "mp4": "video/mp4",
    "png": "image/png",
    "webm": "video/webm",
    "webp": "image/webp",
}


def find_violation(
    rule: MediaRule, media_info: MediaInfo | None, *, size: int | None = None
) -> MediaViolation | None:
    """Return the first rule that a file of ours breaks; None if nothing is known to be wrong.

    Shapes: `media_info` of None is a file that could not be read. Units: `size` in bytes.
    """
    if media_info is None or is_format_wrong(rule, media_info):
        formats = sorted(rule.containers or rule.content_types)
        return build_violation(rule, "format", describe_format(media_info), formats)
    damage = describe_damage(media_info)
    if damage is not None:
        return build_violation(rule, "format", damage)
    if size is not None and size > rule.max_bytes:
        return build_violation(rule, "too_large", size, rule.max_bytes)
    for reason, name, allowed in (
        ("codec", "codec", rule.codecs),
        ("audio_codec", "audio_codec", rule.audio_codecs),
    ):
        value = media_info.get(name)
        if allowed is not None and value is not None and value not in allowed:
            return build_violation(rule, reason, value, sorted(allowed))
    for reason, value, number_range in measured_values(rule, media_info):
        if is_out_of_range(value, number_range):
            return build_violation(rule, reason, value, number_range)
    return None


def find_slot_violation(
    rules: Iterable[MediaRule], media_info: MediaInfo | None, *, size: int | None = None
) -> MediaViolation | None:
    """Return the violation of the last rule if a file satisfies none of them, else None.

    A rule for the file's own kind, video or picture, is preferred: it says what is wrong with it.
    """
    violation = None
    kind = (media_info or {}).get("kind")
    for rule in sorted(rules, key=lambda rule: (kind == "video") == rule.is_video):
        violation = find_violation(rule, media_info, size=size)
        if violation is None:
            return None
    return violation


def describe_format(media_info: MediaInfo | None) -> str:
    """Return what a file is, in words for the refusal."""
    if media_info is None:
        return "neither a video nor a picture"
    if media_info.get("kind") == "audio":
        return f"{media_info.get('container')} with sound and without pictures"
    return str(media_info.get("container"))


def describe_damage(media_info: MediaInfo) -> str | None:
    """Return what is wrong with a file as such, in words; None if nothing is known to be."""
    if media_info.get("is_damaged"):
        return "damaged or incomplete"
    return "shorter than its headers say" if media_info.get("is_truncated") else None


def is_format_wrong(rule: MediaRule, media_info: MediaInfo) -> bool:
    """Whether it is of another kind or container. A cover picture makes no video of a sound."""
    kind, container = media_info.get("kind"), media_info.get("container")
    if kind is not None and (kind == "video") != rule.is_video:
        return True
    if rule.containers is not None:
        return container not in rule.containers
    return CONTENT_TYPE_BY_CONTAINER.get(str(container)) not in rule.content_types


def measured_values(
    rule: MediaRule, media_info: MediaInfo
) -> Iterable[tuple[str, float | None, NumberRange | None]]:
    """Yield reason, value and range of what was measured; a value of None is unknown."""
    milliseconds, width = media_info.get("duration_ms"), media_info.get("width")
    height = media_info.get("height")
    yield "duration", None if milliseconds is None else milliseconds / 1000, rule.seconds
    yield "frame_rate", media_info.get("fps"), rule.fps
    yield "width", width, rule.width
    yield "height", height, rule.height
    yield "ratio", width / height if width and height else None, rule.ratio


def is_out_of_range(value: float | None, allowed: NumberRange | None) -> bool:
    """Whether a value is known and outside its range; the platform checks the unknown ones."""
    return value is not None and allowed is not None and not allowed[0] <= value <= allowed[1]


def build_violation(
    rule: MediaRule, reason: str, value: Any = None, allowed: Any = None
) -> MediaViolation:
    return MediaViolation(reason, rule.codes.get(reason, reason), value, allowed)


def describe_violation(violation: MediaViolation) -> str:
    """Return what the file has and what is allowed, in words: `fps 120, allowed 23 to 60`."""
    allowed = violation.allowed
    if isinstance(allowed, tuple):
        text = f"{allowed[0]:g} to {allowed[1]:g}"
    elif isinstance(allowed, list):
        text = ", ".join(map(str, allowed))
    else:
        text = "" if allowed is None else f"at most {allowed}"
    found = f"{violation.reason.replace('_', ' ')}: {violation.value}"
    return f"{found}; allowed: {text}" if text else found
