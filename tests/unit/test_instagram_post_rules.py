"""What the fields of an Instagram post have to satisfy together, and Instagram as data."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from platforms.instagram.form import FIELDS, FORM
from platforms.instagram.kinds import KINDS
from platforms.instagram.media_rules import MEDIA_RULES
from platforms.instagram.options import InstagramMediaOptions, InstagramOptions
from platforms.instagram.platform import PLATFORM
from platforms.instagram.post_rules import find_post_problems
from platforms.instagram.settings import InstagramSettings
from platforms.instagram.steps import STEPS

NOW = datetime(2026, 11, 22, tzinfo=UTC)
JPEG, CLIP, PLAIN = ("https://cdn.example/a" + suffix for suffix in (".jpg", ".mp4", ""))
TAG = {"username": "ada", "x": 0.5, "y": 0.5}


def find_fields(kind, *media, **options):
    request = {"kind": kind, "text": "t", "media": list(media), "options": options}
    return set(find_post_problems(request, NOW))


@pytest.mark.parametrize("kind", KINDS)
def test_a_plain_post_has_no_problem(kind):
    assert find_fields(kind, {"url": JPEG if kind != "REELS" else CLIP}) == set()
    assert find_fields(kind, {"media_id": 1}) == set()


@pytest.mark.parametrize(
    ("option", "value", "kinds"),
    [
        ("share_to_feed", False, {"REELS"}),
        ("thumb_offset", 0, {"REELS"}),
        ("audio_name", "x", {"REELS"}),
        ("graduation_strategy", "MANUAL", {"REELS"}),
        ("location_id", "1", {"IMAGE", "REELS", "CAROUSEL"}),
        ("collaborators", ["ada"], {"IMAGE", "REELS", "CAROUSEL"}),
        ("is_ai_generated", True, set(KINDS)),
    ],
)
def test_options_belong_to_kinds(option, value, kinds):
    for kind in KINDS:
        expected = set() if kind in kinds else {f"options.{option}"}
        assert find_fields(kind, {"media_id": 1}, **{option: value}) == expected


@pytest.mark.parametrize(
    ("kind", "item", "field"),
    [
        ("STORIES", {"url": JPEG, "alt_text": "x"}, "alt_text"),
        ("REELS", {"url": CLIP, "alt_text": "x"}, "alt_text"),
        ("CAROUSEL", {"url": CLIP, "alt_text": "x"}, "alt_text"),
        ("IMAGE", {"url": JPEG, "alt_text": "x" * 1001}, "alt_text"),
        ("IMAGE", {"url": JPEG, "user_tags": [{"username": "ada"}]}, "user_tags.0"),
        ("STORIES", {"url": JPEG, "user_tags": [{"username": "ada", "x": 1}]}, "user_tags.0"),
        ("IMAGE", {"url": JPEG, "user_tags": [{**TAG, "x": 1.01}]}, "user_tags.0.x"),
        ("IMAGE", {"url": JPEG, "user_tags": [{**TAG, "username": "a b"}]}, "user_tags.0.username"),
        ("IMAGE", {"url": JPEG, "user_tags": [TAG] * 21}, "user_tags"),
        ("REELS", {"url": JPEG, "role": "cover", "user_tags": [TAG]}, "user_tags"),
        ("STORIES", {"url": PLAIN}, "media_type"),
        ("CAROUSEL", {"url": PLAIN}, "media_type"),
        ("CAROUSEL", {"url": PLAIN, "media_type": "REELS"}, "media_type"),
    ],
)
def test_problems_of_a_file_name_its_field(kind, item, field):
    assert find_fields(kind, {"media_id": 1}, item) == {f"media.1.{field}"}


@pytest.mark.parametrize(
    ("kind", "item"),
    [
        ("STORIES", {"url": JPEG, "user_tags": [{"username": "ada"}]}),
        ("REELS", {"url": CLIP, "user_tags": [{"username": "@ada"}]}),
        ("CAROUSEL", {"url": JPEG, "alt_text": "x" * 1000, "options": {"user_tags": [TAG]}}),
        ("STORIES", {"url": PLAIN, "media_type": "VIDEO"}),
    ],
)
def test_what_a_file_may_have(kind, item):
    assert find_fields(kind, item) == set()


@pytest.mark.parametrize(
    "options",
    [
        {"collaborators": ["a", "b", "c", "d"]},
        {"location_id": "Berlin"},
        {"thumb_offset": -1},
        {"graduation_strategy": "SOON"},
        {"product_tags": []},
    ],
)
def test_single_options_are_checked(options):
    with pytest.raises(ValidationError):
        InstagramOptions.model_validate(options)


def test_the_tables_name_each_other():
    for kind in KINDS.values():
        assert {rule for slot in kind.slots for rule in slot.rules} <= MEDIA_RULES.keys()
        assert kind.quotas.keys() <= PLATFORM.quotas.keys()
        for name in (kind.text.max_hashtags_setting, kind.text.max_mentions_setting):
            assert name is None or name in InstagramSettings.model_fields
    for quota in PLATFORM.quotas.values():
        assert quota.limit_setting in InstagramSettings.model_fields
        assert quota.code in PLATFORM.failure_reasons
    assert {rule.call_class for rule in STEPS.values()} <= PLATFORM.call_classes.keys()
    codes = {code for rule in MEDIA_RULES.values() for code in rule.codes.values()}
    assert codes <= PLATFORM.failure_reasons.keys()


def test_the_form_has_a_field_for_every_option():
    names = {field.name for field in FIELDS}
    options = InstagramOptions.model_fields.keys() | InstagramMediaOptions.model_fields.keys()
    assert names == options | {"alt_text", "cover"}
    assert FORM.kind_labels.keys() == KINDS.keys()
    assert FORM.phase_labels.keys() == STEPS.keys()
