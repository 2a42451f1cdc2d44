"""Warnings about Instagram's settings: versions that end, permissions that are needed."""

from datetime import UTC, datetime

import pytest

from platforms.instagram.config_checks import find_config_warnings
from platforms.instagram.settings import InstagramSettings

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def warnings_for(**settings):
    return find_config_warnings(InstagramSettings(**settings), NOW)


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
