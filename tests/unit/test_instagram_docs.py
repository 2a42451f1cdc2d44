"""docs/instagram.md agrees with the tables of the Instagram platform."""

import re
from datetime import timedelta
from pathlib import Path

from core.config.settings import Settings
from platforms.base import Actor
from platforms.errors import NO_WAIT, OutcomeUnknown
from platforms.instagram.adapter import FAILURE_REASONS
from platforms.instagram.error_catalogue import (
    ERROR_CATALOGUE,
    FALLBACK_MEANINGS,
    FLAT_MEANINGS,
    PERMISSION_CODES,
    PERMISSION_MISSING,
)
from platforms.instagram.error_meaning import FollowUp
from platforms.instagram.kinds import KINDS
from platforms.instagram.media_rules import MEDIA_RULES
from platforms.instagram.permissions import FACEBOOK_CAPABILITIES, INSTAGRAM_CAPABILITIES
from platforms.instagram.publishing_errors import OWN_REASONS
from platforms.instagram.steps import SAFETY_BY_STEP, STEPS
from platforms.instagram.subscription import ACCOUNT_FIELDS, PAGE_FIELDS
from platforms.publishing import Capability, Safety

PAGE = (Path(__file__).parents[2] / "docs" / "instagram.md").read_text(encoding="utf-8")
WORDS = {
    FollowUp.RETRY: "again",
    FollowUp.WAIT: "wait",
    FollowUp.NEW_PART: "new container",
    FollowUp.RECONNECT: "reconnect",
    FollowUp.PERSON: "correct",
    FollowUp.STOP_ACCOUNT: "wait",
    FollowUp.RECONCILE: "look first",
    FollowUp.NEVER: "never",
}
NOTHING = "\N{EN DASH}"  # in a cell without a value
ACTORS = {Actor.CREATOR: "owner", Actor.OPERATOR: "operator", Actor.NOBODY: "nobody"}
UNITS = (("h", timedelta(hours=1)), ("min", timedelta(minutes=1)), ("s", timedelta(seconds=1)))


def read_table(title):
    """The rows of the first table below a heading, without its head."""
    section = re.split(r"^#", PAGE.partition(f"# {title}\n")[2], flags=re.MULTILINE)[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    assert rows, f"no table below {title}"
    return [[cell.strip() for cell in row[1:-1].split("|")] for row in rows[2:]]


def expected_error_rows():
    """Our code, Meta's codes, who acts, what follows and the sentence, in the catalogue's order.

    What follows is None for codes that are ours: no table says it.
    """
    meanings = (*ERROR_CATALOGUE.values(), *FLAT_MEANINGS.values(), *FALLBACK_MEANINGS)
    by_code = {}
    for meaning in meanings:
        by_code.setdefault(meaning.code, meaning)
    rows = [
        [f"`{code}`", vendor_codes(code), ACTORS[each.who], follow_up(each), each.sentence]
        for code, each in by_code.items()
    ]
    rows += [
        [f"`{code}`", NOTHING, ACTORS[reason.actor], None, reason.sentence]
        for code, reason in OWN_REASONS.items()
        if code not in by_code
    ]
    return rows


def vendor_codes(our_code):
    codes = [
        str(code) if subcode is None else f"{code}/{subcode}"
        for (code, subcode), meaning in ERROR_CATALOGUE.items()
        if meaning.code == our_code
    ]
    if our_code == PERMISSION_MISSING.code:
        codes.append(f"{PERMISSION_CODES.start} to {PERMISSION_CODES.stop - 1}")
    return ", ".join(codes) or NOTHING


def follow_up(meaning):
    if issubclass(meaning.kind, OutcomeUnknown):
        return "look first"
    return WORDS[meaning.then] + (f" {in_words(meaning.wait)}" if meaning.wait != NO_WAIT else "")


def in_words(duration):
    return next(f"{duration // size} {unit}" for unit, size in UNITS if duration % size == NO_WAIT)


def test_the_table_of_error_codes_is_the_catalogue():
    expected = expected_error_rows()
    documented = read_table("Error codes")
    own_codes = {row[0] for row in expected if row[3] is None}
    assert [
        [*row[:3], None if row[0] in own_codes else row[3], row[4]] for row in documented
    ] == expected


def test_every_reason_of_a_failure_is_documented():
    assert {row[0].strip("`") for row in read_table("Error codes")} == set(FAILURE_REASONS)


def test_the_table_of_permissions_is_that_of_the_logins():
    documented = {row[0]: row[1:] for row in read_table("Permissions")}
    expected = {
        capability.value: [
            names_in_code(FACEBOOK_CAPABILITIES[capability]),
            names_in_code(INSTAGRAM_CAPABILITIES.get(capability, ())),
        ]
        for capability in FACEBOOK_CAPABILITIES
        if capability is not Capability.LOCATION
    }
    assert expected == {name: documented[name] for name in expected}


def test_the_table_of_subscribed_fields_is_that_of_the_subscriber():
    documented = {row[0]: row[1:] for row in read_table("Webhooks")}
    assert documented["Page"] == [fields_in_code(PAGE_FIELDS), NOTHING]
    assert documented["account"] == [
        fields_in_code(ACCOUNT_FIELDS["facebook"]),
        fields_in_code(ACCOUNT_FIELDS["instagram"]),
    ]


def names_in_code(names):
    return fields_in_code(sorted(names)) or NOTHING


def fields_in_code(names):
    return ", ".join(f"`{name}`" for name in names)


def test_the_table_of_kinds_names_every_kind():
    assert [row[0].strip("`") for row in read_table("What can be posted")] == list(KINDS)


def test_the_table_of_media_rules_has_the_figures_of_the_rules():
    documented = {row[0].strip("`"): row[1:] for row in read_table("Rules of media")}
    assert list(documented) == list(MEDIA_RULES)
    for name, rule in MEDIA_RULES.items():
        _, size, ratio, seconds, _, width = documented[name]
        mega = 1024**2 if size.endswith("MiB") else 1_000_000
        assert int(size.split()[0]) * mega == rule.max_bytes
        if rule.ratio is not None:
            assert ratio == in_range(rule.ratio)
        assert seconds == ("" if rule.seconds is None else in_range(rule.seconds))
        assert rule.width is None or width == f"to {rule.width[1]}"


def in_range(limits):
    return " to ".join(f"{limit:g}" for limit in limits)


def test_the_table_of_steps_has_every_step_with_its_safety():
    documented = {row[0].strip("`"): row[2] for row in read_table("How a post is published")}
    assert documented == {step: SAFETY_BY_STEP.get(step, Safety.SAFE).value for step in STEPS}


def test_the_page_names_no_unknown_setting():
    names = re.findall(r"`((?:INSTAGRAM|FACEBOOK|META|IG|ENABLE|RATE)_[A-Z_]+)`", PAGE)
    assert names
    assert set(names) <= set(Settings.setting_names())
