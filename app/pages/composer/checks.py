"""What is wrong with a composed post, in sentences: the same rules as those of a request."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.http.context import current_container, current_principal
from app.http.i18n import current_locale, gettext_noop, translate_text
from app.http.messages import find_message
from app.http.time_zones import current_zone
from app.pages.composer.form import Composition
from app.pages.composer.requests import ComposedPost, build_posts
from app.pages.composer.targets import ComposerTarget
from app.pages.composer.times import describe_time_fault
from core import publishing
from core.publishing import CheckReport, PostCheck, QuotaForecast
from core.publishing.check_report import CheckLevel

NOTHING_CHOSEN = gettext_noop("Choose an account to publish to.")
FIELD_TEXTS = (
    (r"text must not be blank", gettext_noop("Write a caption.")),
    (
        r"text must not be longer than (\d+)",
        gettext_noop("The caption is longer than %(limit)s characters."),
    ),
    (
        r"text must not have more than (\d+) hashtags",
        gettext_noop("There may be at most %(limit)s hashtags."),
    ),
    (
        r"text must not have more than (\d+) mentions",
        gettext_noop("There may be at most %(limit)s mentions."),
    ),
    (r"text is not for posts", gettext_noop("Posts of this kind have no caption.")),
    (
        r"media must have (.+) of the role",
        gettext_noop("Add files: posts of this kind have %(limit)s."),
    ),
    (r"kind is required", gettext_noop("Add a file, or choose which kind of post it is.")),
    (r"publish_at must be", gettext_noop("Choose a time within the next 90 days.")),
    (
        r"media\.\d+ must be a URL",
        gettext_noop("Pictures have to be given by an address there: the platform fetches them."),
    ),
)
"""Pattern of the field and its rule → sentence; `limit` is what the pattern has found."""

ANCHORS = {"text": "text", "media": "media", "kind": "media", "publish_at": "when"}


@dataclass(frozen=True)
class CheckLine:
    """A line of the list of checks. `anchor`: id of the field that it is about."""

    level: str
    text: str
    anchor: str = ""
    name: str = ""  # whom it is about; empty: all accounts


@dataclass(frozen=True)
class ComposerReport:
    """All checks of a composition, and what its quotas look like at its time."""

    lines: tuple[CheckLine, ...]
    posts: tuple[ComposedPost, ...] = ()
    forecasts: tuple[tuple[ComposerTarget, QuotaForecast], ...] = field(default=())

    @property
    def faults(self) -> list[CheckLine]:
        return [line for line in self.lines if line.level == CheckLevel.MUST_FIX]


def check_composition(
    composition: Composition, targets: Sequence[ComposerTarget]
) -> ComposerReport:
    """Check what was composed for these accounts. Nothing is stored or sent."""
    publish_at = composition.publish_at(current_zone())
    time_fault = describe_time_fault(composition, publish_at)
    posts = build_posts(composition, targets, publish_at)
    lines = [] if targets else [must_fix(NOTHING_CHOSEN, "accounts")]
    lines += [CheckLine(CheckLevel.MUST_FIX, time_fault, "when")] if time_fault else []
    lines += [
        CheckLine(
            CheckLevel.MUST_FIX,
            translate_text("The file %(name)s is gone: add it again.", name=item.name),
            "media",
        )
        for item in composition.items
        if item.is_missing
    ]
    forecasts = []
    for post in posts:
        report = check_one(post)
        lines += describe_post_checks(post, report)
        forecasts += [(post.target, forecast) for forecast in report.forecast]
    return ComposerReport(tuple(dict.fromkeys(lines)), tuple(posts), tuple(forecasts))


def must_fix(text: str, anchor: str, name: str = "") -> CheckLine:
    return CheckLine(CheckLevel.MUST_FIX, translate_text(text), anchor, name)


def check_one(post: ComposedPost) -> CheckReport:
    if post.request is None:
        return CheckReport(())
    return publishing.check_post(
        current_container().database,
        current_container().services,
        post.request,
        user_id=current_principal().user_id,
    )


def describe_post_checks(post: ComposedPost, report: CheckReport) -> Iterator[CheckLine]:
    """One line for each fault and note of an account; one that all is well, if it is."""
    name = f"{post.target.platform_name}, {post.target.name}"
    anchor = f"set-{post.target.key}"
    found = [
        CheckLine(CheckLevel.MUST_FIX, translate_text(text), f"{anchor}-{field_name}", name)
        for field_name, text in post.problems.items()
    ]
    found += [
        CheckLine(
            CheckLevel.MUST_FIX,
            describe_fault(post, field_name, rule),
            find_anchor(post, field_name),
            name,
        )
        for field_name, rule in post.faults.items()
    ]
    for check in report.checks:
        if check.level is CheckLevel.ACCEPTED or is_named_before(post, check):
            continue
        found.append(
            CheckLine(
                check.level, describe_check(post, check), find_anchor(post, check.name or ""), name
            )
        )
    yield from found
    if not any(line.level == CheckLevel.MUST_FIX for line in found) and post.request is not None:
        yield CheckLine(CheckLevel.ACCEPTED, translate_text("Everything fits."), "", name)


def is_named_before(post: ComposedPost, check: PostCheck) -> bool:
    """Whether the block has said the same already: without its choices there are no options."""
    return bool(post.problems) and (check.name or "").startswith("options")


def describe_check(post: ComposedPost, check: PostCheck) -> str:
    """The sentence of the code, or the one for the field that breaks a rule."""
    if check.name and check.code == "VALIDATION_ERROR":
        return describe_fault(post, check.name, check.message)
    if check.code == "url_not_checked":
        return translate_text(
            "The platform fetches the file from its address, which is checked when the post starts."
        )
    for code in (str(check.details.get("reason") or ""), check.code):
        message = find_message(code, current_locale())
        if message:
            return f"{message.message} {message.suggestion}"
    return check.message


def describe_fault(post: ComposedPost, field_name: str, rule: str) -> str:
    form = post.target.rules.form
    own_texts = form.block.fault_texts if form and form.block else {}
    if field_name in own_texts:
        return translate_text(own_texts[field_name])
    sentence = f"{field_name} {rule}"
    for pattern, text in FIELD_TEXTS:
        found = re.match(pattern, sentence)
        if found:
            return translate_text(text, limit=found[1] if found.lastindex else "")
    return sentence


def find_anchor(post: ComposedPost, field_name: str) -> str:
    """The id of the field in the form that a field of the request comes from."""
    head, _, rest = field_name.partition(".")
    if head == "options" and rest:
        return f"set-{post.target.key}-{rest}"
    if head in {"options", "account_id", "destination_id"}:
        return f"set-{post.target.key}"
    return ANCHORS.get(head, "media" if head == "media" else f"set-{post.target.key}")


def describe_forecasts(report: ComposerReport) -> list[dict[str, Any]]:
    """What the quotas say about the time of the posts, without those with plenty of room."""
    return [
        {
            "name": f"{target.platform_name}, {target.name}",
            "label": find_quota_label(target, forecast),
            "used": forecast.used,
            "limit": forecast.limit,
            "has_room": forecast.used < forecast.limit,
            "goes_at": forecast.goes_at,
            "frees_at": forecast.frees_at,
        }
        for target, forecast in report.forecasts
    ]


def find_quota_label(target: ComposerTarget, forecast: QuotaForecast) -> str:
    form = target.rules.form
    label = form.quota_labels.get(forecast.quota) if form else None
    return translate_text(label) if label else forecast.quota
