"""The fields of the composer: read from a submitted form or from a draft, which keeps the same.

Names: `account` (keys of accounts), `text`, `own.<platform>` with `text.<platform>`, `media_key` in
the order of the files with `media_id.<key>`, `media_url.<key>`, `media_name.<key>`,
`alt_text.<key>` and `item.<key>.<platform>.<field>`, `addresses`, `set.<account>.<field>`, `when`,
`day`, `clock`, `turn`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from functools import cached_property
from mimetypes import guess_type
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict

from core.publishing.local_times import find_instants

MAX_ITEMS = 50
MAX_ID_DIGITS = 18  # a number of so many digits fits a bigint
OWN_FIELDS = frozenset({"csrf_token", "composition", "action"})
"""Fields of the form that are not kept in drafts."""


@dataclass(frozen=True)
class ComposedItem:
    """A media file as the form names it. `key` is the form's own."""

    key: str
    media_id: int | None = None
    url: str = ""
    name: str = ""
    alt_text: str = ""
    content_type: str | None = None
    probe: Mapping[str, Any] = field(default_factory=dict)
    size: int | None = None
    is_missing: bool = False  # our file is gone, or not complete yet

    @property
    def media_type(self) -> str | None:
        """`video` or `image`; None if neither the file nor its address says it."""
        content_type = self.content_type
        if self.media_id is None:
            path = self.url.partition("?")[0].partition("#")[0]
            content_type = guess_type(path)[0]
        top_level = (content_type or "").partition("/")[0]
        return top_level if top_level in {"video", "image"} else None


@dataclass(frozen=True)
class Composition:
    """What somebody has written, for however many accounts. `id` is also that of its draft."""

    id: UUID
    fields: MultiDict[str, str]
    items: tuple[ComposedItem, ...] = ()

    @property
    def account_keys(self) -> list[str]:
        return self.fields.getlist("account")

    @property
    def text(self) -> str:
        return normalize_newlines(self.fields.get("text", ""))

    def has_own_text(self, platform: str) -> bool:
        return f"own.{platform}" in self.fields

    def own_text(self, platform: str) -> str:
        return normalize_newlines(self.fields.get(f"text.{platform}", ""))

    def text_for(self, platform: str) -> str:
        """The text that this platform gets, without blanks around it."""
        has_own = self.has_own_text(platform)
        return (self.own_text(platform) if has_own else self.text).strip()

    def block_values(self, account_key: str) -> dict[str, str]:
        """The settings of an account by their names."""
        return self._values_of(f"set.{account_key}.")

    def item_values(self, item_key: str, platform: str) -> dict[str, str]:
        """The platform's own fields of a media file by their names."""
        return self._values_of(f"item.{item_key}.{platform}.")

    def _values_of(self, prefix: str) -> dict[str, str]:
        return {
            name.removeprefix(prefix): value
            for name, value in self.fields.items()
            if name.startswith(prefix)
        }

    @property
    def is_scheduled(self) -> bool:
        return self.fields.get("when") == "later"

    @property
    def local_time(self) -> datetime | None:
        """The chosen date and time, without a zone; None if they are not complete."""
        day, clock = self.fields.get("day", ""), self.fields.get("clock", "")
        try:
            return datetime.combine(date.fromisoformat(day), time.fromisoformat(clock)).replace(
                tzinfo=None
            )
        except ValueError:
            return None

    def list_instants(self, zone: ZoneInfo) -> tuple[datetime, ...]:
        """The instants that the chosen time may mean: none, one, or two where it comes twice."""
        local = self.local_time if self.is_scheduled else None
        try:
            return () if local is None else find_instants(local, zone)
        except OverflowError:
            return ()  # at the ends of the calendar

    def publish_at(self, zone: ZoneInfo) -> datetime | None:
        """The instant of the post; of a time that comes twice, the chosen one, else the first."""
        instants = self.list_instants(zone)
        return instants[-1 if self.fields.get("turn") == "1" else 0] if instants else None

    @cached_property
    def are_pictures(self) -> bool:
        """Whether the post is one of pictures, as far as the files and addresses say."""
        types = [item.media_type for item in self.items]
        return bool(types) and "video" not in types and "image" in types

    @property
    def title(self) -> str:
        """What a list of drafts shows: the first line of the text, or the name of a file."""
        names = [item.name for item in self.items if item.name]
        lines = [*self.text.strip().splitlines()[:1], *names]
        return lines[0].strip()[:100] if lines else ""

    def to_payload(self) -> dict[str, Any]:
        """The payload of its draft."""
        pairs = self.fields.items(multi=True)
        return {"fields": [[name, value] for name, value in pairs if name not in OWN_FIELDS]}


def parse_form(form: MultiDict[str, str], composition_id: UUID | None = None) -> Composition:
    """Read a submitted form; a malformed id of the composition counts as a new one."""
    chosen_id = composition_id or parse_uuid(form.get("composition", "")) or uuid4()
    fields = list_files(form)
    return Composition(chosen_id, fields, tuple(iter_items(fields))[:MAX_ITEMS])


def parse_payload(payload: Mapping[str, Any], composition_id: UUID) -> Composition:
    """Read a draft, of whatever its client has stored in it."""
    pairs = payload.get("fields")
    fields: MultiDict[str, str] = MultiDict()
    for pair in pairs if isinstance(pairs, list) else ():
        match pair:
            case [str(name), str(value)]:
                fields.add(name, value)
    return parse_form(fields, composition_id)


def parse_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def iter_items(form: MultiDict[str, str]) -> Iterable[ComposedItem]:
    """The files in their order."""
    for key in form.getlist("media_key"):
        media_id = form.get(f"media_id.{key}", "")
        item = ComposedItem(
            key=key,
            media_id=int(media_id) if is_row_id(media_id) else None,
            url=form.get(f"media_url.{key}", "").strip(),
            name=form.get(f"media_name.{key}", ""),
            alt_text=form.get(f"alt_text.{key}", "").strip(),
        )
        if item.media_id is not None or item.url:
            yield item


def list_files(form: MultiDict[str, str]) -> MultiDict[str, str]:
    """The fields with all files as files of the list.

    After those that are in it come recent files that were chosen, then addresses that were
    written, one in each line.
    """
    fields = MultiDict(form.items(multi=True))
    for media_id in fields.poplist("recent"):
        fields.add("media_key", f"recent{media_id}")
        fields[f"media_id.recent{media_id}"] = media_id
    lines = [line.strip() for line in fields.pop("addresses", "").splitlines() if line.strip()]
    for number, line in enumerate(lines):
        fields.add("media_key", f"line{number}")
        fields[f"media_url.line{number}"] = line
    return fields


def is_row_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < len(text) <= MAX_ID_DIGITS


def normalize_newlines(text: str) -> str:
    """Forms send CR LF; platforms count one character."""
    return text.replace("\r\n", "\n")


def with_items(composition: Composition, items: Sequence[ComposedItem]) -> Composition:
    return replace(composition, items=tuple(items))
