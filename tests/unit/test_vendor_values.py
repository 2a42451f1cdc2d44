"""Vendors' values are read in every shape they come in, and no JSON value is an error."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platforms.json_body import decode_json
from platforms.vendor_values import (
    find_field,
    read_count,
    read_duration,
    read_flag,
    read_id,
    read_ids,
    read_limit,
    read_list,
    read_names,
    read_number,
    read_object,
    read_text,
    read_time,
    read_url,
)

YEAR = timedelta(days=365)
READERS = {
    "text": lambda value: read_text(value, 50),
    "url": lambda value: read_url(value, 50),
    "id": read_id,
    "ids": read_ids,
    "names": read_names,
    "number": read_number,
    "count": read_count,
    "limit": read_limit,
    "duration": lambda value: read_duration(value, longest=YEAR),
    "time": read_time,
    "flag": read_flag,
    "object": read_object,
    "list": read_list,
}
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["1e999", "-", ".", "1_000", "[", "{", '"', "\0", "\ud800", "9" * 5000, "٣"])
    | st.sampled_from(["[" * 3000, "[" * 3000 + "]" * 3000, '{"a":' * 2000, "2026-13-99T", "T"])
)
JSON_VALUES = st.recursive(
    SCALARS,
    lambda items: st.lists(items, max_size=3) | st.dictionaries(st.text(), items, max_size=3),
    max_leaves=8,
)
NESTED_JSON_VALUES = (
    JSON_VALUES
    | JSON_VALUES.map(json.dumps)
    | JSON_VALUES.map(lambda value: json.dumps(json.dumps(value)))
)


def nest(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("name", READERS)
@given(value=NESTED_JSON_VALUES)
def test_no_json_value_is_an_error(name, value):
    READERS[name](value)


@pytest.mark.parametrize("name", READERS)
def test_a_deeply_nested_value_is_no_error(name):
    READERS[name](nest(5000))


@given(value=NESTED_JSON_VALUES)
def test_texts_can_be_stored(value):
    texts = [read_text(value, 50), read_id(value), *read_ids(value), *read_names(value)]
    for text in filter(None, texts):
        assert "\0" not in text
        assert text.encode()


@given(value=NESTED_JSON_VALUES)
def test_what_was_not_said_is_never_a_limit(value):
    limit, duration = read_limit(value), read_duration(value, longest=YEAR)
    assert limit is None or limit > 0
    assert duration is None or timedelta(0) < duration <= YEAR


@given(number=st.integers(0, 2**63 - 1))
def test_a_count_is_the_same_as_number_and_as_text(number):
    shapes = [number, str(number), f" {number} ", f'"{number}"', f"{number}.0", [number]]
    assert {read_count(shape) for shape in shapes} == {number}
    assert number > 2**53 or read_count(float(number)) == number


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (0, 0),
        ("0", 0),
        (300.0, 300),
        ("3e2", 300),
        (-1, None),
        ("-1", None),
        (1.5, None),
        ("1.5", None),
        (2**63, None),
        (1e300, None),
        (float("nan"), None),
        (float("inf"), None),
        (True, None),
        ("1_000", None),
        ("٣", None),
        ("many", None),
        ("", None),
        ([1, 2], None),
        ({}, None),
    ],
)
def test_a_count_is_a_whole_number_or_not_said(value, count):
    assert read_count(value) == count


@pytest.mark.parametrize("value", [None, "", 0, "0", 0.0, "0.0", -5, "soon", [], {}, False])
def test_a_limit_of_nothing_was_not_said(value):
    assert read_limit(value) is None
    assert read_duration(value, longest=YEAR) is None


@pytest.mark.parametrize("value", [300, "300", 300.0, "300.0", [300], ["300"], " 300\n"])
def test_a_limit_and_a_duration_are_read_in_every_shape(value):
    assert read_limit(value) == 300
    assert isinstance(read_limit(value), int)
    assert read_duration(value, longest=YEAR) == timedelta(minutes=5)


def test_a_duration_may_have_a_fraction_and_is_cut_to_the_longest():
    assert read_duration("12.5", longest=YEAR) == timedelta(seconds=12.5)
    assert read_duration(10**15, longest=YEAR) == YEAR


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        *((value, True) for value in (True, 1, 1.0, "true", "True", "1", "yes", '"true"', [True])),
        *((value, False) for value in (False, 0, 0.0, "false", "FALSE", "0", "no", ["false"])),
        *((value, None) for value in (None, "", 2, -1, "maybe", [], {}, [1, 0], float("nan"))),
    ],
)
def test_a_flag_is_read_in_every_shape(value, flag):
    assert read_flag(value) is flag


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("v_pub_file~v2-1.7", "v_pub_file~v2-1.7"),
        (7602997517160123666, "7602997517160123666"),
        (" 7 ", "7"),
        (["7"], "7"),
        (7.0, "7"),
        ("7.0", "7"),
        ("7602997517160123667.0", "7602997517160123667"),
        ("7.602997517160123e18", None),
        ("7602997517160124000.0", "7602997517160124000"),
        ("7602997517160123392.000", None),  # such digits a rounded float has
        ("\ufeff7\u00a0", "7"),
        ('"v_pub_file~v2-1.7"', "v_pub_file~v2-1.7"),
        ('""', None),
        (7.602997517160123e18, None),  # has lost its last digits: it would be another post's
        ("", None),
        (" ", None),
        (None, None),
        (True, None),
        ({}, None),
        ([], None),
        (["7", "8"], None),
        (10**30, None),
    ],
)
def test_an_id_is_text(value, text):
    assert read_id(value) == text


def test_a_long_id_is_a_digest():
    assert read_id("x" * 300).startswith("sha256:")
    assert len(read_id("9" * 19, 10)) > 10


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ([7602997517160123666, "8"], ("7602997517160123666", "8")),
        (7602997517160123666, ("7602997517160123666",)),
        ("7602997517160123666", ("7602997517160123666",)),
        ("7, 8", ("7", "8")),
        ('["7","8"]', ("7", "8")),
        ("[7]", ("7",)),
        ([["7"], [8]], ("7", "8")),
        (["7602997517160123667.0"], ("7602997517160123667",)),
        ([7, 7], ("7",)),
        ([0, "0", None, True, {}, "", "null"], ()),
        (None, ()),
        ("", ()),
        (0, ()),
        ({"id": 7}, ()),
    ],
)
def test_ids_are_read_from_lists_values_and_texts(value, ids):
    assert read_ids(value) == ids


@pytest.mark.parametrize(
    "value",
    [
        "user.info.basic,video.upload",
        "user.info.basic video.upload",
        "user.info.basic, video.upload,",
        " user.info.basic\tvideo.upload video.upload",
        ["user.info.basic", "video.upload"],
        ["user.info.basic,video.upload", None, 5],
        '["user.info.basic", "video.upload"]',
    ],
)
def test_scopes_are_read_with_commas_blanks_and_as_a_list(value):
    assert read_names(value) == ("user.info.basic", "video.upload")


@pytest.mark.parametrize("value", [None, "", " ", ",", [], {}, 5, True, [None], "null", "[]"])
def test_scopes_that_are_not_said_are_none(value):
    assert read_names(value) == ()


@pytest.mark.parametrize(
    "value", [1_770_210_873, "1770210873", 1_770_210_873.0, "2026-02-04T13:14:33Z",
              "2026-02-04T14:14:33+01:00", "2026-02-04T13:14:33", 1_770_210_873_000,
              "1770210873999", " 1770210873.5 ", ["1770210873"], "2026-02-04 13:14:33",
              "2026-02-04T13:14:33+0000", "2026-02-04t13:14:33z", " 20260204T131433Z "]
)  # fmt: skip
def test_a_time_is_read_in_seconds_and_as_a_date(value):
    assert read_time(value) == datetime(2026, 2, 4, 13, 14, 33, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, 0, "0", "", -1, 10**18, "soon", "T", 0.5, True, [], {},
                                   1e300, float("nan"), "2026-02-30T00:00:00Z",
                                   "\u0662\u0660\u0662\u0666-02-04T00:00"]
)  # fmt: skip
def test_a_time_that_cannot_be_read_is_none(value):
    assert read_time(value) is None


@pytest.mark.parametrize(
    "value",
    [
        {"a": 1},
        '{"a": 1}',
        ' {"a":1} ',
        json.dumps(json.dumps({"a": 1})),
        [{"a": 1}],
        ['{"a": 1}'],
        '[{"a": 1}]',
        [[{"a": 1}]],
        [['{"a": 1}']],
    ],
)
def test_an_object_may_be_encoded_once_more_or_be_in_a_list(value):
    assert read_object(value) == {"a": 1}


@pytest.mark.parametrize("value", [None, "", "x", "{", "null", "[1]", 5, [], [1], [{}, {}], True])
def test_what_is_no_object_is_none(value):
    assert read_object(value) is None


def test_what_an_encoded_object_contains_can_be_stored():
    assert read_object(r'{"a": "\u0000\ud800"}') == {"a": "\ufffd\ufffd"}
    assert read_object(json.dumps(r'{"a": "\u0000"}')) == {"a": "\ufffd"}


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ([1, 2], [1, 2]),
        ("[1, 2]", [1, 2]),
        ({"a": 1}, [{"a": 1}]),
        (7, [7]),
        ("name", ["name"]),
        (None, []),
        ("", []),
        ({}, []),
        ([], []),
        ("null", ["null"]),
    ],
)
def test_a_list_may_be_a_single_value_or_text(value, items):
    assert read_list(value) == items


def test_a_text_is_cut_and_a_web_address_is_not():
    assert read_text("x" * 60, 50) == "x" * 50
    assert read_text(12345, 50) == "12345"
    assert read_text(" ", 50) is None
    assert read_url("https://a/" + "b" * 60, 50) is None
    assert read_url("https://a/b", 50) == "https://a/b"
    assert read_url("javascript:alert(1)", 50) is None


def test_everything_that_is_decoded_from_a_body_can_be_read():
    body = json.dumps({"a": [1, "2", {"b": None}], "c": "{}"}).encode()
    for value in decode_json(body).values():
        for read in READERS.values():
            read(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7.0", 7),
        ("-7.00", -7),
        ("7602997517160123667.0", 7602997517160123667),  # digits that no float has
        ("7602997517160123392.0", 7602997517160123392.0),  # perhaps rounded: it stays a float
        ("3e2", 300.0),
        ("1.5", 1.5),
        ("NaN", None),
        ("1e999", None),
        ("9" * 5000, None),
    ],
)
def test_a_number_in_a_body_keeps_the_digits_that_it_had(text, value):
    [decoded] = decode_json(f"[{text}]".encode())
    assert (decoded, type(decoded)) == (value, type(value))


@pytest.mark.parametrize("key", ["access_token", "accessToken", "AccessToken", "access-token"])
def test_a_field_is_found_in_another_case(key):
    assert find_field({"other": 1, key: "t"}, "access_token") == "t"
    assert find_field({"access_token": None, key: "t"}, "access_token") == "t"
    assert find_field({"token": "t"}, "access_token") is None
