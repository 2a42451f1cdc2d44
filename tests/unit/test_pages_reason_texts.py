"""Every reason why a post can fail or an account cannot be used has its texts in every language."""

import pytest

from app.http.messages import LOCALES, load_messages
from platforms.registry import PLATFORMS

OPTIONAL_CODES = {"too_large"}  # of a file that the form already refuses


def reason_codes(platform):
    rules = [*platform.media_rules.values()]
    return {
        *platform.failure_reasons,
        *(rule.code for rule in platform.quotas.values()),
        *(code for rule in rules for code in rule.codes.values()),
    } - OPTIONAL_CODES


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", PLATFORMS)
def test_every_reason_of_a_platform_has_a_text(name, locale):
    codes = reason_codes(PLATFORMS[name])
    assert len(codes) > 10
    assert codes - load_messages(locale).keys() == set()


@pytest.mark.parametrize("locale", LOCALES)
def test_every_text_names_the_problem_and_the_remedy(locale):
    texts = load_messages(locale)
    assert [code for code, text in texts.items() if not all(text)] == []
    assert all(part.endswith((".", "!", "?")) for text in texts.values() for part in text)


def test_both_languages_have_the_same_codes():
    english, french = (load_messages(locale) for locale in LOCALES)
    assert english.keys() == french.keys()
