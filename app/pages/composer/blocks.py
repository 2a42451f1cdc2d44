"""The settings of a post on a platform, made from the fields that its form declares."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from app.http.i18n import gettext_noop
from app.pages.publish import form_fields
from platforms.platform import BlockRequest, FormField, Platform

MILLISECONDS_PER_SECOND = 1000
MAX_NUMBER = 2**31
PEOPLE_FAULT = gettext_noop(
    "Please write one account in each line, with two numbers from 0 to 1 for a position."
)
SECONDS_FAULT = gettext_noop("Please give a number of seconds, such as 1.5.")
NUMBER_FAULT = gettext_noop("Please give a whole number.")
COORDINATE_COUNT = 2
ALT_TEXT = "alt_text"  # a field of every media file, on all platforms


class FieldFault(ValueError):
    """What somebody wrote into a field is not what it takes; the message is for them."""


def read_general_block(platform: Platform, values: Mapping[str, str]) -> tuple[str | None, Any]:
    """Return the chosen kind, None for the one that the media say, and the options."""
    kind = values.get("kind") or None
    fields = platform.form.fields if platform.form else ()
    request = read_fields(platform, fields, values, is_item=False)
    return kind, BlockRequest(kind or "", request.options, request.problems)


def read_fields(
    platform: Platform, fields: tuple[FormField, ...], values: Mapping[str, str], *, is_item: bool
) -> BlockRequest:
    """Read the fields of the post, or with `is_item` those of one of its files."""
    options, problems = dict[str, Any](), dict[str, str]()
    for field in fields:
        if is_item_field(platform, field) != is_item or field.name == ALT_TEXT:
            continue
        if field.input == "media":
            continue  # a file of the post, not an option
        try:
            value = READERS[field.input](field, values)
        except FieldFault as fault:
            problems[field.name] = str(fault)
            continue
        if value is not None:
            options[field.name] = value
    return BlockRequest("", options, problems)


def is_item_field(platform: Platform, field: FormField) -> bool:
    """Whether the field belongs to a file and not to the post."""
    own_names = platform.media_options.model_fields if platform.media_options else {}
    return field.name == ALT_TEXT or field.name in own_names


def fits_kind(field: FormField, kind: str | None) -> bool:
    """Whether a field is for posts of this kind; one of an unknown kind has them all."""
    return not field.kinds or kind is None or kind in field.kinds


def keep_fields_of_kind(
    platform: Platform, kind: str | None, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the options without those that posts of this kind do not have."""
    fields = platform.form.fields if platform.form else ()
    names = {field.name for field in fields if fits_kind(field, kind)}
    known = {field.name for field in fields}
    return {name: value for name, value in options.items() if name in names or name not in known}


def read_text(field: FormField, values: Mapping[str, str]) -> str | None:
    return values.get(field.name, "").strip() or None


def read_flag(field: FormField, values: Mapping[str, str]) -> bool | None:
    """A box that is ticked at first has a value in any case."""
    return True if field.name in values else (False if field.default else None)


def read_names(field: FormField, values: Mapping[str, str]) -> list[str] | None:
    parts = re.split(r"[\s,]+", values.get(field.name, ""))
    return [part.removeprefix("@") for part in parts if part.strip("@")] or None


def read_time(field: FormField, values: Mapping[str, str]) -> int | None:
    number = read_decimal(values.get(field.name, ""), SECONDS_FAULT)
    return None if number is None else round(MILLISECONDS_PER_SECOND * number)


def read_number(field: FormField, values: Mapping[str, str]) -> int | None:
    number = read_decimal(values.get(field.name, ""), NUMBER_FAULT)
    if number is not None and not number.is_integer():
        raise FieldFault(NUMBER_FAULT)
    return None if number is None else int(number)


def read_decimal(text: str, fault: str) -> float | None:
    """Errors: FieldFault."""
    text = text.strip().replace(",", ".")
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        raise FieldFault(fault) from None
    if not 0 <= number < MAX_NUMBER:
        raise FieldFault(fault)
    return number


def read_people(field: FormField, values: Mapping[str, str]) -> list[dict[str, Any]] | None:
    """One account in each line: a name, or a name and its position. Errors: FieldFault."""
    lines = [line.strip() for line in values.get(field.name, "").splitlines()]
    return [parse_person(line) for line in lines if line] or None


def parse_person(line: str) -> dict[str, Any]:
    name, *numbers = re.split(r"[\s,;]+", line.removeprefix("@"))
    if not numbers:
        return {"username": name}
    positions = [read_decimal(number, PEOPLE_FAULT) for number in numbers if number]
    if len(positions) != COORDINATE_COUNT or any(each is None or each > 1 for each in positions):
        raise FieldFault(PEOPLE_FAULT)
    return {"username": name, "x": positions[0], "y": positions[1]}


READERS: Mapping[str, Callable[[FormField, Mapping[str, str]], Any]] = {
    "text": read_text,
    "choice": read_text,
    "flag": read_flag,
    "names": read_names,
    "time": read_time,
    "number": read_number,
    "people": read_people,
}


def fill_general_values(
    platform: Platform, kind: str, options: Mapping[str, Any]
) -> dict[str, str]:
    """Return the fields of a block that ask for this kind and these options again."""
    fields = platform.form.fields if platform.form else ()
    return {"kind": kind, **dict(iter_field_values(fields, options))}


def iter_field_values(
    fields: tuple[FormField, ...], options: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    for field in fields:
        value = options.get(field.name)
        if value is None or (field.input == "flag" and not value):
            continue
        yield field.name, FILLERS.get(field.input, str)(value)


FILLERS: Mapping[str, Callable[[Any], str]] = {
    "flag": lambda _: "on",
    "names": lambda names: " ".join(f"@{name}" for name in names),
    "time": lambda milliseconds: f"{milliseconds / MILLISECONDS_PER_SECOND:g}",
    "people": lambda people: "\n".join(
        " ".join(str(part) for part in person.values() if part is not None) for person in people
    ),
}


def describe_general_block(platform: Platform) -> dict[str, Any]:
    """The fields of the block and the kinds of posts, for the template."""
    assert platform.form is not None  # noqa: S101 - only platforms with a form are offered
    return form_fields(platform, platform.form)
