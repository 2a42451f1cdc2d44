"""JSON for the database: what the fast encoder and decoder give is what Python's `json` gives."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.json_values import decode_json_column, encode_json

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda items: st.lists(items) | st.dictionaries(st.text(), items),
)
STORED_TEXTS = [
    '{"n": 18446744073709551616, "m": -123456789012345678901234567890}',
    "[1.0, 1.5, 0.1, 9007199254740993.0, 1e400, -1e400, 0.00000000000000000001]",
    '["\\ud83d\\ude00", "\u00e4"]',
    "null",
    '{"a": {"b": []}}',
]


class Mood(StrEnum):
    CALM = "calm"


class Label(str):
    __slots__ = ()


@given(json_values)
def test_any_value_is_written_as_python_would_read_it(value):
    assert repr(json.loads(encode_json(value))) == repr(json.loads(json.dumps(value)))


@given(json_values)
def test_any_column_is_read_as_python_reads_it(value):
    text = json.dumps(value)
    assert repr(decode_json_column(text)) == repr(json.loads(text))


@pytest.mark.parametrize("text", STORED_TEXTS)
def test_odd_numbers_and_texts_are_read_as_python_reads_them(text):
    assert repr(decode_json_column(text)) == repr(json.loads(text))


def test_times_are_written_to_the_microsecond_with_their_zone():
    at = datetime(2026, 11, 30, 3, 0, 0, 123456, tzinfo=UTC)
    written = json.loads(encode_json({"at": at, "label": Label("x")}))["at"]
    assert datetime.fromisoformat(written) == at
    assert datetime.fromisoformat(json.loads(encode_json([at]))[0]) == at


def test_enumerations_and_texts_of_other_classes_are_written_as_texts():
    assert json.loads(encode_json([Mood.CALM, Label("x"), {Mood.CALM: 1}])) == [
        "calm",
        "x",
        {"calm": 1},
    ]


def test_an_unpaired_surrogate_is_written_for_postgres_to_refuse():
    assert encode_json("\ud800") == '"\\ud800"'


def test_nan_and_infinity_become_null():
    assert json.loads(encode_json([float("nan"), float("inf")])) == [None, None]


def test_a_value_that_is_no_json_is_refused():
    with pytest.raises(TypeError, match="object"):
        encode_json([object()])


@pytest.mark.parametrize("number", [Decimal("1.5"), timedelta(seconds=1)])
def test_numbers_and_durations_of_other_classes_become_texts(number):
    assert isinstance(json.loads(encode_json(number)), str)
