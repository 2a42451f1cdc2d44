"""A text of which a reader sees nothing counts as no text, on every platform that needs one."""

from dataclasses import replace

import pytest

from core.publishing.post_checks import find_text_problems
from platforms.registry import PLATFORMS
from platforms.request_types import is_blank, utf16_length
from platforms.tiktok.upload_request import validate_title

BLANK_TEXTS = [
    *("", "   ", "\n\t", "\u200b", "\u200b\u200d \ufeff", "\u2060", "\u00ad", "\u3164\u115f\u1160"),
    *("\u2800", "\ufe0f", "\u202e\u2066", "\u180e", "\u034f", "\U000e0041", "\U000e0100", "\x07"),
    *("\u0301", "\u0301\u200b\u0489", "\u0903", "\u2065", "\U000e0fff", "\u2069\u2066\u0300"),
]
RULES_WITH_A_TEXT = [
    (name, kind.text)
    for name, platform in PLATFORMS.items()
    for kind in platform.kinds.values()
    if kind.text.is_required
]


@pytest.mark.parametrize("text", BLANK_TEXTS, ids=ascii)
def test_a_text_of_which_nothing_is_seen_is_blank(text):
    assert is_blank(text)
    assert RULES_WITH_A_TEXT
    for _, rule in RULES_WITH_A_TEXT:
        assert ("text", "must not be blank") in list(find_text_problems(text, rule, None))
    with pytest.raises(ValueError, match="blank"):
        validate_title(text)


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "\u200ba",
        "👩\u200d👩\u200d👧",
        "❤\ufe0f",
        "\u0301a",
        "\uf8ff",
        "שלום",
        "한",
        "कि",
        "🇫🇷",
        "1\ufe0f\u20e3",
        ".",
    ],
    ids=ascii,
)
def test_a_text_with_anything_to_see_is_none(text):
    assert not is_blank(text)


def test_lengths_are_counted_as_each_platform_counts():
    family = "👩\u200d👩\u200d👧"  # one sign to a reader, 5 characters, 8 UTF-16 units
    assert (len(family), utf16_length(family)) == (5, 8)
    for name, platform in PLATFORMS.items():
        for kind in platform.kinds.values():
            rule = replace(kind.text, max_hashtags_setting=None, max_mentions_setting=None)
            if not rule.is_allowed:
                continue
            unit_length = utf16_length(family) if rule.unit == "utf16" else len(family)
            fitting = family * (rule.max_length // unit_length)
            problems = [text for _, text in find_text_problems(fitting, rule, None)]
            assert not [text for text in problems if "longer" in text], name
            too_long = fitting + "x" * (rule.max_length % unit_length + 1)
            problems = [text for _, text in find_text_problems(too_long, rule, None)]
            assert [text for text in problems if str(rule.max_length) in text], name
