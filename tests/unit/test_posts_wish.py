"""What may be wished, and in which words."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.checked import checked
from core.errors import Invalid
from core.links import is_below, public_https
from core.posts.sound import sound
from core.posts.wish import Wish
from db.posts import SentBy

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
PULL = {"source": "PULL_FROM_URL", "title": "A", "videoUrl": "https://example.com/a.mp4"}
FILE = {"source": "FILE_UPLOAD", "title": "A", "media_id": 7}
PHOTOS = {
    "source": "PULL_FROM_URL",
    "title": "A",
    "media_type": "PHOTO",
    "photo_images": ["https://example.com/a.jpg", "https://example.com/b.webp"],
}
CALLER = {"source": "FILE_UPLOAD", "title": "A", "video_size": 7}


def wished(said, *, can_wait=False, **more):
    wish = checked(Wish, {**said, **more})
    sound(wish, now=NOW, can_wait=can_wait)
    return wish


def faults(said, **more):
    with pytest.raises(Invalid) as refused:
        wished(said, **more)
    return set(refused.value.details["fields"])


@pytest.mark.parametrize(
    ("said", "who"),
    [
        (PULL, SentBy.PLATFORM),
        (PHOTOS, SentBy.PLATFORM),
        (FILE, SentBy.SIGNALPOST),
        (CALLER, SentBy.CALLER),
    ],
)
def test_who_moves_the_bytes_follows_from_the_wish(said, who):
    assert wished(said).sent_by == who


@pytest.mark.parametrize(
    ("said", "more", "field"),
    [
        (PULL, {"source": "BY_POST"}, "source"),
        (PULL, {"title": ""}, "title"),
        (PULL, {"title": " \n"}, "title"),
        (PULL, {"title": "x" * 2201}, "title"),
        (PULL, {"title": "🎬" * 1101}, "title"),
        (PULL, {"title": 5}, "title"),
        (PULL, {"title": "a\x00b"}, "title"),
        (PULL, {"title": "\ud800"}, "title"),
        (PULL, {"mode": "inbox"}, "mode"),
        (PULL, {"mode": "DIRECT"}, "privacy_level"),
        (PULL, {"privacy_level": "EVERYBODY"}, "privacy_level"),
        (PULL, {"disable_duet": "true"}, "disable_duet"),
        (PULL, {"is_aigc": 1}, "is_aigc"),
        (PULL, {"account_id": "1"}, "account_id"),
        (PULL, {"account_id": True}, "account_id"),
        (PULL, {"account_id": 2**63}, "account_id"),
        (PULL, {"video_cover_timestamp_ms": -1}, "video_cover_timestamp_ms"),
        (PULL, {"video_cover_timestamp_ms": 1.5}, "video_cover_timestamp_ms"),
        (PULL, {"media_type": "SOUND"}, "media_type"),
        (PULL, {"media_type": "PHOTO"}, "photo_images"),
        (PULL, {"photo_images": ["https://example.com/a.jpg"]}, "photo_images"),
        (PULL, {"description": "about"}, "description"),
        (PHOTOS, {"videoUrl": "https://example.com/a.mp4"}, "videoUrl"),
        (PHOTOS, {"photo_images": []}, "photo_images"),
        (PHOTOS, {"photo_images": ["https://example.com/a.jpg"] * 36}, "photo_images"),
        (PHOTOS, {"photo_images": ["http://example.com/a.jpg"]}, "photo_images.0"),
        (PHOTOS, {"photo_images": "https://example.com/a.jpg"}, "photo_images"),
        (PHOTOS, {"photo_cover_index": 2}, "photo_cover_index"),
        (PHOTOS, {"photo_cover_index": -1}, "photo_cover_index"),
        (PHOTOS, {"title": "x" * 91}, "title"),
        (PHOTOS, {"description": "x" * 4001}, "description"),
        (PHOTOS, {"disable_duet": True}, "disable_duet"),
        (PHOTOS, {"source": "FILE_UPLOAD", "media_id": 1}, "source"),
        (PULL, {"upload_url": "https://example.com"}, "upload_url"),
        (PULL, {"media_id": 1}, "media_id"),
        (PULL, {"video_size": 1}, "video_size"),
        (PULL, {"videoUrl": None}, "videoUrl"),
        (FILE, {"videoUrl": "https://example.com/a.mp4"}, "videoUrl"),
        (FILE, {"video_size": 1}, "video_size"),
        (FILE, {"media_id": None}, "video_size"),
        (CALLER, {"video_size": 0}, "video_size"),
        (CALLER, {"video_size": 4_000_000_001}, "video_size"),
        (CALLER, {"video_size": "7"}, "video_size"),
        (CALLER, {"publish_at": "2026-11-26T00:00:00Z"}, "publish_at"),
        (PULL, {"publish_at": "2026-11-25T09:30:00Z"}, "publish_at"),
        (PULL, {"publish_at": "2027-11-25T09:30:00Z"}, "publish_at"),
        (PULL, {"publish_at": "2026-11-26T00:00:00"}, "publish_at"),
        (PULL, {"publish_at": "2026-02-30T00:00:00Z"}, "publish_at"),
        (PULL, {"publish_at": "0001-01-01T00:00:00+23:59"}, "publish_at"),
        (PULL, {"publish_at": 1_790_000_000}, "publish_at"),
        (PULL, {"publish_at": "tomorrow"}, "publish_at"),
    ],
)
def test_a_bad_field_is_named(said, more, field):
    assert field in faults(said, **more)


BRANDED = {"mode": "DIRECT", "brand_content_toggle": True}


def test_what_somebody_pays_for_cannot_be_hidden():
    assert faults(PULL, **BRANDED, privacy_level="SELF_ONLY") == {"privacy_level"}
    assert faults(PHOTOS, **BRANDED, privacy_level="SELF_ONLY") == {"privacy_level"}
    assert wished(PULL, **BRANDED, privacy_level="PUBLIC_TO_EVERYONE")
    assert wished(PULL, **{**BRANDED, "mode": "INBOX"}, privacy_level="SELF_ONLY")
    ours = {"mode": "DIRECT", "brand_organic_toggle": True, "privacy_level": "SELF_ONLY"}
    assert wished(PULL, **ours)


def test_tags_and_names_are_the_creators_own_words():
    title = "Été 🎬 #fyp #l'été @ada\n#deux"
    assert wished(PULL, title=title).title == title


def test_bytes_of_a_caller_cannot_wait():
    assert faults(CALLER, can_wait=True) == {"video_size"}


def test_the_longest_title_counts_in_utf16_units():
    assert wished(PULL, title="🎬" * 1100).title == "🎬" * 1100


def test_a_time_is_read_with_its_zone():
    at = wished(PULL, publish_at="2026-11-26T01:00:00+02:00").publish_at
    assert at == datetime(2026, 11, 25, 23, tzinfo=UTC)
    assert wished(PULL, publish_at="2027-02-23T09:30:00Z").publish_at == NOW + timedelta(days=90)


def test_only_settings_that_were_said_are_kept():
    assert wished(PULL).settings == {}
    assert wished(PULL, disable_duet=False, is_aigc=True).settings == {
        "disable_duet": False,
        "is_aigc": True,
    }


def test_both_spellings_of_the_address_are_taken():
    said = {name: value for name, value in PULL.items() if name != "videoUrl"}
    assert wished(said, video_url=PULL["videoUrl"]).video_url == PULL["videoUrl"]


@given(
    st.dictionaries(
        st.sampled_from([*Wish.model_fields, "videoUrl", "more"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()),
    )
)
def test_whatever_is_said_it_is_a_wish_or_invalid(said):
    try:
        found = wished(said)
    except Invalid as refused:
        found = refused.details["fields"]
    assert found


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/film.mp4",
        "https://cdn.example.com:443/a?b=c",
        "https://example.com:/a:b@c",
        "https://xn--bcher-kva.example.com/",
    ],
)
def test_public_addresses_are_taken_as_they_are(url):
    assert public_https(url) == url


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
def test_any_other_address_is_refused(url):
    with pytest.raises(ValueError):
        public_https(url)


@pytest.mark.parametrize(
    ("url", "prefix", "verdict"),
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
def test_a_verified_place_is_a_domain_or_a_path(url, prefix, verdict):
    assert is_below(url, (prefix,)) is verdict
