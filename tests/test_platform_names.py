"""Core, app and database ask platforms for capabilities, never for their names.

No file outside the platforms' own places contains a platform's name or a word of its API.
"""

import re

import pytest

from db.providers import PROVIDERS
from platforms.registry import PLATFORMS
from tests.architecture_rules import ROOT

PLACES = ("app", "core", "tasks", "db", "local", "clients/python")
SUFFIXES = frozenset({".py", ".html", ".js", ".css"})
OWN_PLACES = ("db/records/", "db/providers.py", "app/texts/", "app/static/vendor/")
"""Tables of single platforms, the names in rows, and texts for people, which are data."""

VENDOR_WORDS = re.compile(
    r"""tiktok | instagram | facebook | (?-i:\bMeta\b) | graph_version | ig_business
    | inbox_ | _inbox | \binbox\b | privacy_level | SELF_ONLY | publicaly | disable_duet | is_aigc
    | creator_info | \bDIRECT_(VIDEO|PHOTO)\b | video\.(publish|upload|list)
    | carousel | \breels?\b | rupload | oembed | media_publish""",
    re.IGNORECASE | re.VERBOSE,
)


def has_vendor_words(text):
    return VENDOR_WORDS.search(text) is not None


def list_files():
    for place in PLACES:
        for file in sorted((ROOT / place).rglob("*")):
            path = file.relative_to(ROOT).as_posix()
            if file.suffix in SUFFIXES and not path.startswith(OWN_PLACES):
                yield path, file.read_text(encoding="utf-8")


def test_no_file_names_a_platform():
    assert [path for path, text in list_files() if has_vendor_words(text)] == []


@pytest.mark.parametrize(
    ("text", "is_named"),
    [
        ('if provider == "tiktok":', True),
        ("class InstagramAccounts:", True),
        ('kind="DIRECT_VIDEO"', True),
        ("the draft is in the inbox", True),
        ("REDIRECT_STATUSES = range(300, 400)", False),
        ("the platform's own fields of a post", False),
        ("metadata", False),
    ],
)
def test_names_are_recognised(text, is_named):
    assert has_vendor_words(text) is is_named


def test_rows_may_have_the_name_of_every_platform():
    assert tuple(PLATFORMS) == PROVIDERS
