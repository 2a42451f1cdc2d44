"""Names and types that clients give their files: shown to people, part of links, never believed."""

from mimetypes import guess_extension, guess_type

from core.media.rule_check import CONTENT_TYPE_BY_CONTAINER

ACCEPTED_CONTENT_TYPES = frozenset(CONTENT_TYPE_BY_CONTAINER.values())
UNKNOWN_CONTENT_TYPE = "application/octet-stream"
FOREIGN_TOP_LEVELS = frozenset({"audio", "font", "message", "model", "text"})
FOREIGN_CONTENT_TYPES = frozenset(
    {
        *("application/json", "application/pdf", "application/zip"),
        *("video/x-msvideo", "video/x-ms-wmv", "video/x-flv"),  # none is a form of MP4 or Matroska
    }
)
FALLBACK_NAME = "file"
MAX_NAME_CHARS = 255
MAX_NAME_BYTES = 255  # of UTF-8: more is no name of a file on most systems
MAX_SUFFIX_CHARS = 16
RESERVED_STEMS = frozenset(
    {"CON", "PRN", "AUX", "NUL"}
    | {f"{name}{digit}" for name in ("COM", "LPT") for digit in range(10)}
)
"""Names of devices on Windows, with any suffix."""

SUFFIX_BY_TYPE = {"image/jpeg": ".jpg", "video/quicktime": ".mov"}


def display_filename(filename: str) -> str:
    """Return a name to show and to save under: without directories and unprintable characters.

    Characters that turn the direction of writing or have no width are unprintable.
    """
    basename = filename.replace("\\", "/").rpartition("/")[2]
    printable = "".join(character for character in basename if character.isprintable()).strip()
    if not printable.strip(". "):
        return FALLBACK_NAME
    stem = printable.partition(".")[0].strip().upper()
    return shorten_name(f"_{printable}" if stem in RESERVED_STEMS else printable)


def shorten_name(name: str) -> str:
    """Return at most 255 bytes and characters of a name, with its suffix if that is short."""
    if len(name.encode()) <= MAX_NAME_BYTES:
        return name
    stem, dot, suffix = name.rpartition(".")
    ending = dot + suffix if stem and len(suffix) <= MAX_SUFFIX_CHARS else ""
    kept = name.encode()[: MAX_NAME_BYTES - len(ending.encode())].decode(errors="ignore")
    return kept + ending


def link_filename(filename: str, content_type: str) -> str:
    """Return the name in a link to a file: any client can follow it, and its suffix says the type.

    Names that were stored before are cleaned as well: `..` would lead to another address.
    """
    name = display_filename(filename)
    if content_type not in ACCEPTED_CONTENT_TYPES or guess_type(name)[0] == content_type:
        return name
    suffix = SUFFIX_BY_TYPE.get(content_type) or guess_extension(content_type) or ""
    stem = name.rpartition(".")[0] or name
    return shorten_name(f"{stem}{suffix}")


def read_type_hint(label: str | None, filename: str) -> str | None:
    """Return the type that label or name suggest; None if both say that no platform takes it.

    Only the bytes decide later. Browsers send parameters (`video/webm;codecs=vp9`), no type at all
    (videos of phones), or that of another program.
    """
    content_type = (label or "").partition(";")[0].strip().lower()
    hints = [hint for hint in (content_type, guess_type(filename.lower())[0]) if hint]
    for hint in hints:
        if hint in ACCEPTED_CONTENT_TYPES:
            return hint
    return None if hints and all(map(is_foreign_type, hints)) else UNKNOWN_CONTENT_TYPE


def is_foreign_type(content_type: str) -> bool:
    top_level = content_type.partition("/")[0]
    return top_level in FOREIGN_TOP_LEVELS or content_type in FOREIGN_CONTENT_TYPES
