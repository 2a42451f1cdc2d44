"""Validation of requests with the older body: fields, their combinations, and URLs."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from core.publishing.post_checks import check_request
from core.publishing.post_request import PostRequest
from core.publishing.seed_requests import rename_fields
from core.validation import validate_model
from db.posts.posts import SentBy
from platforms.tiktok.platform import PLATFORM
from platforms.tiktok.seed_paths import SEED_PATHS
from platforms.tiktok.settings import TikTokSettings
from platforms.tiktok.upload_request import UploadRequest
from platforms.url_rules import is_under_any_prefix, validate_public_https_url

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
URL_FIELDS = {"source": "PULL_FROM_URL", "title": "A", "videoUrl": "https://example.com/a.mp4"}
FILE_FIELDS = {"source": "FILE_UPLOAD", "title": "A", "media_id": 7}
PHOTO_FIELDS = {
    "source": "PULL_FROM_URL",
    "title": "A",
    "media_type": "PHOTO",
    "photo_images": ["https://example.com/a.jpg", "https://example.com/b.webp"],
}
CALLER_FIELDS = {"source": "FILE_UPLOAD", "title": "A", "video_size": 7}


def validated_request(fields, *, may_queue=False, **more):
    body = validate_model(UploadRequest, {**fields, **more})
    problems = SEED_PATHS.find_body_problems(body)
    try:
        check_request(
            general_request(body),
            PLATFORM,
            TikTokSettings(),
            now=NOW,
            may_queue=may_queue,
            media_types={},
            problems=problems,
        )
    except Invalid as refused:
        rename_fields(refused, SEED_PATHS, body, problems)
        raise
    return body


def general_request(body):
    return validate_model(PostRequest, SEED_PATHS.to_post_request(body))


def invalid_fields(fields, **more):
    with pytest.raises(Invalid) as refused:
        validated_request(fields, **more)
    return set(refused.value.details["fields"])


@pytest.mark.parametrize(
    ("fields", "sent_by"),
    [
        (URL_FIELDS, SentBy.PLATFORM),
        (PHOTO_FIELDS, SentBy.PLATFORM),
        (FILE_FIELDS, SentBy.SIGNALPOST),
        (CALLER_FIELDS, SentBy.CALLER),
    ],
)
def test_who_sends_the_bytes_follows_from_the_request(fields, sent_by):
    assert general_request(validated_request(fields)).sent_by == sent_by


@pytest.mark.parametrize(
    ("fields", "more", "field"),
    [
        (URL_FIELDS, {"source": "BY_POST"}, "source"),
        (URL_FIELDS, {"title": ""}, "title"),
        (URL_FIELDS, {"title": " \n"}, "title"),
        (URL_FIELDS, {"title": "x" * 2201}, "title"),
        (URL_FIELDS, {"title": "🎬" * 1101}, "title"),
        (URL_FIELDS, {"title": 5}, "title"),
        (URL_FIELDS, {"title": "a\x00b"}, "title"),
        (URL_FIELDS, {"title": "\ud800"}, "title"),
        (URL_FIELDS, {"mode": "inbox"}, "mode"),
        (URL_FIELDS, {"mode": "DIRECT"}, "privacy_level"),
        (URL_FIELDS, {"privacy_level": "EVERYBODY"}, "privacy_level"),
        (URL_FIELDS, {"disable_duet": "true"}, "disable_duet"),
        (URL_FIELDS, {"is_aigc": 1}, "is_aigc"),
        (URL_FIELDS, {"account_id": "1"}, "account_id"),
        (URL_FIELDS, {"account_id": True}, "account_id"),
        (URL_FIELDS, {"account_id": 2**63}, "account_id"),
        (URL_FIELDS, {"video_cover_timestamp_ms": -1}, "video_cover_timestamp_ms"),
        (URL_FIELDS, {"video_cover_timestamp_ms": 1.5}, "video_cover_timestamp_ms"),
        (URL_FIELDS, {"media_type": "SOUND"}, "media_type"),
        (URL_FIELDS, {"media_type": "PHOTO"}, "photo_images"),
        (URL_FIELDS, {"photo_images": ["https://example.com/a.jpg"]}, "photo_images"),
        (URL_FIELDS, {"description": "about"}, "description"),
        (PHOTO_FIELDS, {"videoUrl": "https://example.com/a.mp4"}, "videoUrl"),
        (PHOTO_FIELDS, {"photo_images": []}, "photo_images"),
        (PHOTO_FIELDS, {"photo_images": ["https://example.com/a.jpg"] * 36}, "photo_images"),
        (PHOTO_FIELDS, {"photo_images": ["http://example.com/a.jpg"]}, "photo_images.0"),
        (PHOTO_FIELDS, {"photo_images": "https://example.com/a.jpg"}, "photo_images"),
        (PHOTO_FIELDS, {"photo_cover_index": 2}, "photo_cover_index"),
        (PHOTO_FIELDS, {"photo_cover_index": -1}, "photo_cover_index"),
        (PHOTO_FIELDS, {"title": "x" * 91}, "title"),
        (PHOTO_FIELDS, {"description": "x" * 4001}, "description"),
        (PHOTO_FIELDS, {"disable_duet": True}, "disable_duet"),
        (PHOTO_FIELDS, {"source": "FILE_UPLOAD", "media_id": 1}, "source"),
        (URL_FIELDS, {"upload_url": "https://example.com"}, "upload_url"),
        (URL_FIELDS, {"media_id": 1}, "media_id"),
        (URL_FIELDS, {"video_size": 1}, "video_size"),
        (URL_FIELDS, {"videoUrl": None}, "videoUrl"),
        (FILE_FIELDS, {"videoUrl": "https://example.com/a.mp4"}, "videoUrl"),
        (FILE_FIELDS, {"video_size": 1}, "video_size"),
        (FILE_FIELDS, {"media_id": None}, "video_size"),
        (CALLER_FIELDS, {"video_size": 0}, "video_size"),
        (CALLER_FIELDS, {"video_size": 4_000_000_001}, "video_size"),
        (CALLER_FIELDS, {"video_size": "7"}, "video_size"),
        (CALLER_FIELDS, {"publish_at": "2026-11-26T00:00:00Z"}, "publish_at"),
        (URL_FIELDS, {"publish_at": "2026-11-25T09:30:00Z"}, "publish_at"),
        (URL_FIELDS, {"publish_at": "2027-11-25T09:30:00Z"}, "publish_at"),
        (URL_FIELDS, {"publish_at": "2026-11-26T00:00:00"}, "publish_at"),
        (URL_FIELDS, {"publish_at": "2026-02-30T00:00:00Z"}, "publish_at"),
        (URL_FIELDS, {"publish_at": "0001-01-01T00:00:00+23:59"}, "publish_at"),
        (URL_FIELDS, {"publish_at": 1_790_000_000}, "publish_at"),
        (URL_FIELDS, {"publish_at": "tomorrow"}, "publish_at"),
    ],
)
def test_a_bad_field_is_named(fields, more, field):
    assert field in invalid_fields(fields, **more)


BRANDED_FIELDS = {"mode": "DIRECT", "brand_content_toggle": True}


def test_branded_content_cannot_be_private():
    assert invalid_fields(URL_FIELDS, **BRANDED_FIELDS, privacy_level="SELF_ONLY") == {
        "privacy_level"
    }
    assert invalid_fields(PHOTO_FIELDS, **BRANDED_FIELDS, privacy_level="SELF_ONLY") == {
        "privacy_level"
    }
    assert validated_request(URL_FIELDS, **BRANDED_FIELDS, privacy_level="PUBLIC_TO_EVERYONE")
    assert validated_request(
        URL_FIELDS, **{**BRANDED_FIELDS, "mode": "INBOX"}, privacy_level="SELF_ONLY"
    )
    own_brand = {"mode": "DIRECT", "brand_organic_toggle": True, "privacy_level": "SELF_ONLY"}
    assert validated_request(URL_FIELDS, **own_brand)


def test_hashtags_and_mentions_in_a_title_are_kept():
    title = "Été 🎬 #fyp #l'été @ada\n#deux"
    assert validated_request(URL_FIELDS, title=title).title == title


def test_a_caller_upload_cannot_be_queued():
    assert invalid_fields(CALLER_FIELDS, may_queue=True) == {"video_size"}


def test_the_longest_title_counts_in_utf16_units():
    assert validated_request(URL_FIELDS, title="🎬" * 1100).title == "🎬" * 1100


def test_a_time_is_read_with_its_zone():
    at = validated_request(URL_FIELDS, publish_at="2026-11-26T01:00:00+02:00").publish_at
    assert at == datetime(2026, 11, 25, 23, tzinfo=UTC)
    assert validated_request(
        URL_FIELDS, publish_at="2027-02-23T09:30:00Z"
    ).publish_at == NOW + timedelta(days=90)


def test_only_settings_in_the_request_are_kept():
    assert validated_request(URL_FIELDS).options == {}
    assert validated_request(URL_FIELDS, disable_duet=False, is_aigc=True).options == {
        "disable_duet": False,
        "is_aigc": True,
    }


def test_both_spellings_of_the_url_field_are_accepted():
    fields = {name: value for name, value in URL_FIELDS.items() if name != "videoUrl"}
    assert (
        validated_request(fields, video_url=URL_FIELDS["videoUrl"]).video_url
        == URL_FIELDS["videoUrl"]
    )


@given(
    st.dictionaries(
        st.sampled_from([*UploadRequest.model_fields, "videoUrl", "more"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()),
    )
)
def test_any_input_is_a_request_or_invalid(fields):
    try:
        result = validated_request(fields)
    except Invalid as refused:
        result = refused.details["fields"]
    assert result


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/film.mp4",
        "https://cdn.example.com:443/a?b=c",
        "https://example.com:/a:b@c",
        "https://xn--bcher-kva.example.com/",
    ],
)
def test_public_urls_are_accepted_unchanged(url):
    assert validate_public_https_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/a.mp4",
        "http://example.com/a.mp4",
        "ftp://example.com/a",
        "https://",
        "https:///a",
        "https://localhost/a",
        "https://printer.local/a",
        "https://db.internal/a",
        "https://127.0.0.1/a",
        "https://10.0.0.1/a",
        "https://0x7f.1/a",
        "https://2130706433/a",
        "https://[::1]/a",
        "https://[fd00::1]:443/a",
        "https://example.com:8443/a",
        "https://user@example.com/a",
        "https://user:pass@example.com/a",
        "https://example.com\\@127.0.0.1/a",
        "https://exa mple.com/a",
        "https://example.com/a\nb",
        "https://example.com/ä",
        "https://example.com./",
        "https://-a.example.com/",
        "https://example.com/" + "a" * 2048,
    ],
)
def test_any_other_url_is_refused(url):
    with pytest.raises(ValueError):
        validate_public_https_url(url)


@pytest.mark.parametrize(
    ("url", "prefix", "is_verified"),
    [
        ("https://example.com/a", "example.com", True),
        ("https://cdn.example.com/a", "example.com", True),
        ("https://badexample.com/a", "example.com", False),
        ("https://example.com.evil.org/a", "example.com", False),
        ("https://example.com/films/a", "https://example.com/films/", True),
        ("https://example.com/other/a", "https://example.com/films/", False),
        ("https://cdn.example.com/films/a", "https://example.com/films/", False),
    ],
)
def test_a_verified_prefix_is_a_domain_or_a_path(url, prefix, is_verified):
    assert is_under_any_prefix(url, (prefix,)) is is_verified
