"""Tables of posts in whatever encoding and with whatever separator."""

import base64

import pytest

from app.pages.composer.csv_table import (
    MAX_ROWS,
    MAX_TABLE_BYTES,
    TableFault,
    decode_bytes,
    decode_file,
    read_table,
)

HEADING = "account,publish_at,text,media"
TABLE = f"{HEADING}\nanna,2026-12-01 18:00,Été à Brême,https://videos.example.com/a.mp4\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_utf_8_and_utf_16_are_read_with_and_without_a_mark(encoding):
    (row,) = read_table(decode_bytes(TABLE.encode(encoding)))
    assert (row.line, row.values["account"], row.values["text"]) == (2, "anna", "Été à Brême")


def test_the_big_endian_mark_is_read():
    (row,) = read_table(decode_bytes(b"\xfe\xff" + TABLE.encode("utf-16-be")))
    assert row.values["text"] == "Été à Brême"


@pytest.mark.parametrize("data", [b"\xff\xfeZ", b"caf\xe9", b"\x89PNG\r\n\x1a\n\xff"])
def test_what_is_no_text_is_refused(data):
    with pytest.raises(TableFault):
        decode_bytes(data)


@pytest.mark.parametrize("text", ["%%%", "é", "A"])
def test_what_is_no_base64_is_refused(text):
    with pytest.raises(TableFault):
        decode_file(text)


def test_a_file_is_decoded_from_base64():
    assert decode_file(base64.b64encode(TABLE.encode()).decode()) == TABLE


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_commas_semicolons_and_tabs_separate(separator):
    (row,) = read_table(TABLE.replace(",", separator))
    assert row.values["media"] == "https://videos.example.com/a.mp4"


def test_quoted_cells_may_have_separators_and_line_breaks():
    table = f'{HEADING}\r\nanna,2026-12-01 18:00,"One, two\r\nthree",7\r\n\r\nbert,x,y,8\r\n'
    first, second = read_table(table)
    assert first.values["text"] == "One, two\r\nthree"
    assert (first.line, second.line) == (2, 5)


def test_a_short_row_has_empty_cells():
    (row,) = read_table(f"{HEADING}\nanna")
    assert row.values["media"] == ""


@pytest.mark.parametrize(
    "table",
    [
        "",
        HEADING,
        "account,text\na,b",
        f"{HEADING},colour\na,b,c,d,e",
        f'{HEADING}\n"a',
        f"{HEADING}\n\x00,,,",
        f"{HEADING}\n" + "a,b,c,d\n" * (MAX_ROWS + 1),
        f"{HEADING}\na,b," + "x" * MAX_TABLE_BYTES,
    ],
    ids=["empty", "no rows", "missing", "unknown", "quote", "nul", "rows", "bytes"],
)
def test_a_table_that_cannot_be_read_is_refused_as_a_whole(table):
    with pytest.raises(TableFault):
        read_table(table)


def test_as_many_rows_as_are_allowed_are_read():
    assert len(read_table(f"{HEADING}\n" + "a,b,c,d\n" * MAX_ROWS)) == MAX_ROWS
