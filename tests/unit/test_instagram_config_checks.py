"""Warnings about Instagram's settings: versions that end, permissions, callbacks."""

from datetime import UTC, datetime

import pytest

from platforms.instagram.config_checks import find_config_warnings
from platforms.instagram.settings import InstagramSettings

NOW = datetime(2026, 11, 22, tzinfo=UTC)
PUBLIC_URL = "https://posts.example.org"
CALLBACKS = f"{PUBLIC_URL}/api/webhooks/instagram"


def warnings_for(**settings):
    return find_config_warnings(InstagramSettings(**settings), NOW, PUBLIC_URL)


@pytest.mark.parametrize("version", ["v26.0", "v27.0", "v25.0", "v22.0"])
def test_a_version_that_lasts_gives_no_warning(version):
    assert warnings_for(graph_version=version) == ()


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("v21.0", "v21.0 ends on 2027-01-21"),
        ("v20.0", "v20.0 ended on 2026-09-24"),
        ("v18.0", "not been tested with v18.0"),
    ],
)
def test_a_version_that_ends_within_ninety_days_is_named(version, words):
    (warning,) = warnings_for(graph_version=version)
    assert words in warning


def test_a_missing_permission_that_nothing_works_without_is_named():
    (warning,) = warnings_for(scopes=("instagram_basic",))
    assert "pages_show_list" in warning
    assert warnings_for(login_type="instagram", scopes=("instagram_business_basic",)) == ()


def test_callback_urls_that_lead_elsewhere_are_named_with_the_right_ones():
    warnings = warnings_for(
        deauthorize_url="https://old.example.org/api/webhooks/instagram/deauthorize",
        data_deletion_url=f"{PUBLIC_URL}/delete-my-data",
    )
    assert [warning.partition(" ")[0] for warning in warnings] == [
        "INSTAGRAM_DEAUTH_CALLBACK_URL",
        "INSTAGRAM_DATA_DELETION_URL",
    ]
    assert f"{CALLBACKS}/deauthorize" in warnings[0]
    assert f"{CALLBACKS}/data-deletion" in warnings[1]


def test_callback_urls_of_this_installation_give_no_warning():
    urls = {
        "deauthorize_url": f"{CALLBACKS}/deauthorize",
        "data_deletion_url": f"{CALLBACKS}/data-deletion",
    }
    assert warnings_for(**urls) == ()
