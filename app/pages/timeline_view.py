"""The events of a post's timeline as labels and notes in the reader's language."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app.http.i18n import current_locale, gettext_noop, translate_text
from app.http.messages import find_message
from app.http.time_zones import current_zone
from app.pages import formatting
from app.pages.badges import POST_BADGES
from app.pages.brands import phase_label, platform_title
from app.pages.exchange_view import exchange_fields
from core.publishing import PostHistory, PostView
from db.ops.attempts import Attempt
from db.posts.exchanges import PostExchange
from db.posts.timeline import PostEvent
from db.records.post_records import list_webhook_reports
from db.records.record_table import WebhookReport

EVENT_LABELS = {
    "request": gettext_noop("Requested"),
    "rejected": gettext_noop("Refused"),
    "found": gettext_noop("Found at %(platform)s"),
    "resumed": gettext_noop("Resumed"),
    "started": gettext_noop("%(platform)s accepted the start"),
    "restart": gettext_noop("Started again"),
    "poll": gettext_noop("Status from %(platform)s"),
    "webhook": gettext_noop("Webhook from %(platform)s"),
    "send": gettext_noop("%(platform)s answered"),
    "moved": gettext_noop("Time changed"),
    "held": gettext_noop("On hold"),
    "released": gettext_noop("Released"),
    "released_by_operator": gettext_noop("Released by an operator"),
    "cancel": gettext_noop("Cancelled"),
    "step": gettext_noop("Next step"),
    "discarded": gettext_noop("Made again"),
    "contradiction": gettext_noop("%(platform)s contradicted itself"),
}
EVENT_ICONS = {
    "held": "circle-pause",
    "moved": "calendar-clock",
    "released": "play",
    "released_by_operator": "play",
    "restart": "rotate-ccw",
    "send": "send",
    "started": "send",
    "step": "chevron-right",
}
YOU, OURSELVES = gettext_noop("you"), "signalpost"
BY_WEBHOOK, ON_QUESTION = (
    gettext_noop("%(platform)s, by webhook"),
    gettext_noop("%(platform)s, asked"),
)
EVENT_SOURCES = {
    **dict.fromkeys(("request", "released", "moved", "cancel"), YOU),
    **dict.fromkeys(("poll", "found", "send", "started"), ON_QUESTION),
    "webhook": BY_WEBHOOK,
}
"""Who said what an event is about, by its kind; of other kinds signalpost did."""

QUESTION_TEXT = gettext_noop("%(platform)s was asked")
TRY_TEXT = gettext_noop("Try %(number)d failed")
RECEIVED_TEXT = gettext_noop("received at %(received)s")
WEBHOOK_DELAY_TEXT = gettext_noop(
    "received at %(received)s, %(seconds)s after the time that %(platform)s gives (%(clock)s)"
)
KNOWN_BEFORE_TEXT = gettext_noop("nothing new, known %(seconds)s before")
NOTHING_NEW_TEXT = gettext_noop("nothing new")
LOG_ID_TEXT = gettext_noop("log id %(log_id)s")
LONGEST_RECORDING = timedelta(seconds=5)  # from a call to the entries that its result writes
LONGEST_TRANSACTION = timedelta(seconds=1)  # calls are written after the events of a result
CURRENT_STATE_TEXT = gettext_noop("Now: %(state)s")
NOTE_TEXTS = {
    "start": gettext_noop("the start is being sent"),
    "found": gettext_noop("found again at %(platform)s"),
    "not started": gettext_noop("not started"),
    "the answer to the start was lost": gettext_noop("the answer to the start was lost"),
    "a webhook named it": gettext_noop("identified by a webhook from %(platform)s"),
    "the platform fetches the file": gettext_noop("%(platform)s fetches the file"),
    "stale": gettext_noop("no news from %(platform)s for a day"),
    "the platform has nothing of it": gettext_noop("%(platform)s has no such post"),
    "all bytes sent": gettext_noop("all bytes sent"),
    "confirmed by the platform": gettext_noop("confirmed by %(platform)s"),
    "asked again": gettext_noop("requested again"),
    "the account is connected again": gettext_noop("the account is connected again"),
    "needs_reconnect": gettext_noop("the account has to be connected again"),
    "disconnected": gettext_noop("the account was disconnected"),
    "operator": gettext_noop("put on hold by an operator"),
}
"""Texts for the notes of core; those of a platform's steps and statuses are in its form."""

ITEM_NOTE = re.compile(r"item (\d+): (.+)", re.DOTALL)
ITEM_TEXT = gettext_noop("Item %(number)d")
LOST_ANSWER_NOTE = re.compile(
    r"(?:the answer to (?=\w+ was lost)|no answer to )(\w+)(?: was lost|: .*)"
)
LOST_ANSWER_TEXT = gettext_noop("no answer of %(platform)s to: %(step)s")


@dataclass
class TimelineEntry:
    """An entry of the timeline. `who` said it; `colour` and `icon` are those of its marker."""

    label: str
    note: str | None
    code: str | None
    at: datetime
    who: str
    colour: str = ""
    icon: str = "check"
    calls: list[dict[str, Any]] = field(default_factory=list)


def timeline_entries(
    view: PostView, history: PostHistory, *, oldest_first: bool = False
) -> list[TimelineEntry]:
    """Return events, failed tries and the calls to the platform, usually the newest first."""
    provider = view.post.provider
    entries = [event_entry(event, provider) for event in view.events]
    entries += place_webhook_reports(view, entries)
    entries += [try_entry(attempt, provider) for attempt in history.failed_attempts]
    entries.sort(key=lambda entry: entry.at)
    for exchange in reversed(history.exchanges):
        find_entry(entries, exchange, provider).calls.append(exchange_fields(exchange))
    return sorted(entries, key=lambda entry: entry.at, reverse=not oldest_first)


def place_webhook_reports(
    view: PostView, event_entries: Sequence[TimelineEntry]
) -> list[TimelineEntry]:
    """Say beside each webhook how long it took; return entries for those that said nothing new.

    `event_entries` are those of the view's events, in their order.
    """
    provider, others = view.post.provider, []
    waiting = [
        entry
        for event, entry in zip(view.events, event_entries, strict=True)
        if event.kind == "webhook"
    ]
    for report in list_webhook_reports(provider, view.record):
        entry = next((each for each in waiting if each.at >= report.received_at), None)
        if report.is_news and entry is not None:
            waiting.remove(entry)
        else:
            others.append(entry := repeated_report_entry(report, view))
        delay = webhook_delay(report, provider)
        entry.note = f"{entry.note} · {delay}" if entry.note else delay
    return others


def repeated_report_entry(report: WebhookReport, view: PostView) -> TimelineEntry:
    """Return a webhook that changed nothing, with how long its news was known before."""
    provider = view.post.provider
    known = next((event for event in view.events if event.note == report.status), None)
    if known is None or known.at > report.received_at:
        news = translate_text(NOTHING_NEW_TEXT)
    else:
        earlier = (report.received_at - known.at).total_seconds()
        news = translate_text(
            KNOWN_BEFORE_TEXT, seconds=formatting.format_seconds(earlier, current_locale())
        )
    return TimelineEntry(
        label=translate_text(EVENT_LABELS["webhook"], platform=platform_title(provider)),
        note=f"{event_note(report.status, provider)} · {news}",
        code=report.status,
        at=report.received_at,
        who=translate_text(BY_WEBHOOK, platform=platform_title(provider)),
    )


def webhook_delay(report: WebhookReport, provider: str) -> str:
    """Say when a webhook was received, and how long after the time that the platform gives."""
    locale, zone = current_locale(), current_zone()
    received = formatting.format_precise_clock(report.received_at, locale, zone)
    if report.occurred_at is None:
        return translate_text(RECEIVED_TEXT, received=received)
    delay = max((report.received_at - report.occurred_at).total_seconds(), 0.0)
    return translate_text(
        WEBHOOK_DELAY_TEXT,
        received=received,
        seconds=formatting.format_seconds(delay, locale),
        clock=formatting.format_precise_clock(report.occurred_at, locale, zone),
        platform=platform_title(provider),
    )


def find_entry(
    entries: list[TimelineEntry], exchange: PostExchange, provider: str
) -> TimelineEntry:
    """Return the entry that a call led to: what follows it at once. Else a new one is added."""
    followers = [
        entry
        for entry in entries
        if timedelta(0) <= entry.at - exchange.last_at <= LONGEST_RECORDING
        or timedelta(0) <= exchange.last_at - entry.at <= LONGEST_TRANSACTION
    ]
    if followers:
        return min(followers, key=lambda entry: abs(entry.at - exchange.last_at))
    label = translate_text(QUESTION_TEXT, platform=platform_title(provider))
    entries.append(
        TimelineEntry(label, None, None, exchange.last_at, translate_text(OURSELVES), icon="send")
    )
    return entries[-1]


def event_entry(event: PostEvent, provider: str) -> TimelineEntry:
    """Return label, note and time of an event; `code` is the note as it is stored."""
    colour, icon = event_marker(event)
    return TimelineEntry(
        label=event_label(event, provider),
        note=event_note(event.note, provider),
        code=event.note,
        at=event.at,
        who=event_source(event, provider),
        colour=colour,
        icon=icon,
    )


def try_entry(attempt: Attempt, provider: str) -> TimelineEntry:
    """Return a try that failed, with its number, how long it took, and the platform's log id."""
    ended_at = attempt.ended_at or attempt.started_at
    duration = formatting.format_seconds(
        (ended_at - attempt.started_at).total_seconds(), current_locale()
    )
    parts = [event_note(attempt.code, provider), duration]
    if attempt.log_id:
        parts.append(translate_text(LOG_ID_TEXT, log_id=attempt.log_id))
    return TimelineEntry(
        label=translate_text(TRY_TEXT, number=attempt.number),
        note=" · ".join(part for part in parts if part),
        code=attempt.code,
        at=ended_at,
        who=translate_text(OURSELVES),
        colour="bad",
        icon="refresh-cw",
    )


def event_marker(event: PostEvent) -> tuple[str, str]:
    """Return the colour and the icon of an event: those of the state that it led to."""
    if event.after in POST_BADGES and event.kind != "request":
        badge = POST_BADGES[event.after or ""]
        return badge.colour, badge.icon
    return "", EVENT_ICONS.get(event.kind, "check")


def event_source(event: PostEvent, provider: str) -> str:
    """Say who said it: its owner, signalpost, or the platform, by webhook or when asked."""
    sentence = EVENT_SOURCES.get(event.kind, OURSELVES)
    return translate_text(sentence, platform=platform_title(provider))


def event_label(event: PostEvent, provider: str) -> str:
    if event.kind == "state":
        badge = POST_BADGES.get(event.after or "")
        return translate_text(
            CURRENT_STATE_TEXT, state=translate_text(badge.label).lower() if badge else event.after
        )
    return (
        translate_text(EVENT_LABELS[event.kind], platform=platform_title(provider))
        if event.kind in EVENT_LABELS
        else event.kind.capitalize()
    )


def event_note(text: str | None, provider: str) -> str | None:
    if text is None:
        return None
    if item := ITEM_NOTE.fullmatch(text):
        return f"{translate_text(ITEM_TEXT, number=int(item[1]))}: {event_note(item[2], provider)}"
    if lost := LOST_ANSWER_NOTE.fullmatch(text):
        step = phase_label(provider, lost[1]) or lost[1]
        return translate_text(LOST_ANSWER_TEXT, platform=platform_title(provider), step=step)
    if phase := phase_label(provider, text):
        return phase
    if text in NOTE_TEXTS:
        return translate_text(NOTE_TEXTS[text], platform=platform_title(provider))
    message = find_message(text, current_locale())
    return message.message if message else text
