"""Reads a table of posts: bytes of a file in whatever encoding, or pasted text, as rows of names
and values. Pure.
"""

import base64
import binascii
import codecs
import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.http.i18n import gettext_noop

MAX_ROWS = 200
MAX_TABLE_BYTES = 256 * 1024
SEPARATORS = ",;\t"
COLUMNS = ("account", "publish_at", "text", "media", "kind", "alt_text")
REQUIRED_COLUMNS = ("account", "publish_at", "media")
OPTION_PREFIX = "options."
ENCODINGS_BY_MARK = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
NUL_SHARE = 4  # of text in UTF-16 without a mark, at least each fourth byte is NUL

NOT_TEXT = gettext_noop("The file is no text in UTF-8 or UTF-16.")
TOO_LARGE = gettext_noop("The table has more than 256 kB.")
TOO_MANY = gettext_noop("The table has more than 200 rows.")
EMPTY = gettext_noop("The table has no rows below its heading.")
MISSING_COLUMNS = gettext_noop(
    "The heading lacks a column: account, publish_at and media are needed."
)
UNKNOWN_COLUMN = gettext_noop("The heading has a column that is not known.")
MALFORMED = gettext_noop("The table could not be read: check its quotation marks.")


class TableFault(ValueError):
    """The table cannot be read at all; the message is an English sentence for people."""


@dataclass(frozen=True)
class TableRow:
    """A row with the number of its line in the file, and the values of its columns by name."""

    line: int
    values: Mapping[str, str]


def decode_file(encoded: str) -> str:
    """Decode the bytes of a file that a script has read, in Base64. Errors: TableFault."""
    if len(encoded) > MAX_TABLE_BYTES * 2:
        raise TableFault(TOO_LARGE)
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise TableFault(NOT_TEXT) from None
    return decode_bytes(data)


def decode_bytes(data: bytes) -> str:
    """Decode UTF-8 or UTF-16, with a byte order mark or without. Errors: TableFault."""
    if len(data) > MAX_TABLE_BYTES:
        raise TableFault(TOO_LARGE)
    try:
        return data.decode(find_encoding(data))
    except UnicodeDecodeError:
        raise TableFault(NOT_TEXT) from None


def find_encoding(data: bytes) -> str:
    for mark, encoding in ENCODINGS_BY_MARK:
        if data.startswith(mark):
            return encoding
    if data and data.count(0) * NUL_SHARE >= len(data):
        return "utf-16-le" if data[1:2] == b"\x00" else "utf-16-be"
    return "utf-8"


def read_table(text: str) -> list[TableRow]:
    """Read the rows; empty ones are skipped. Errors: TableFault."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_TABLE_BYTES:
        raise TableFault(TOO_LARGE)
    if "\x00" in text:
        raise TableFault(NOT_TEXT)
    text = text.removeprefix("\ufeff").lstrip("\r\n")
    heading = text.partition("\n")[0]
    separator = max(SEPARATORS, key=heading.count)
    try:
        rows = list(iter_rows(text, separator))
    except csv.Error:
        raise TableFault(MALFORMED) from None
    if not rows:
        raise TableFault(EMPTY)
    if len(rows) > MAX_ROWS:
        raise TableFault(TOO_MANY)
    return rows


def iter_rows(text: str, separator: str) -> Iterator[TableRow]:
    """Errors: TableFault for a heading with wrong columns; csv.Error."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    names = [name.strip().lower() for name in next(reader, [])]
    check_heading(names)
    line = reader.line_num + 1
    for cells in reader:
        if any(cell.strip() for cell in cells):
            padded = [*cells, *[""] * (len(names) - len(cells))]
            yield TableRow(line, dict(zip(names, padded, strict=False)))
        line = reader.line_num + 1


def check_heading(names: list[str]) -> None:
    """Errors: TableFault."""
    if not set(REQUIRED_COLUMNS) <= set(names):
        raise TableFault(MISSING_COLUMNS)
    if not all(name in COLUMNS or name.startswith(OPTION_PREFIX) for name in names if name):
        raise TableFault(UNKNOWN_COLUMN)
