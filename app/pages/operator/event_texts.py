"""Words for the states of webhook events, their signatures, and the causes of dead letters."""

from app.http.i18n import gettext_noop, translate_text
from app.pages.badges import Badge, localize_badge
from db.webhooks.events import DISCARDED, Event

EVENT_BADGES = {
    "pending": Badge("wait", gettext_noop("Pending"), "hourglass"),
    "processing": Badge("busy", gettext_noop("In work"), "loader-circle"),
    "done": Badge("good", gettext_noop("Applied"), "circle-check"),
    "ignored": Badge("calm", gettext_noop("No effect"), "circle-minus"),
    "dead": Badge("bad", gettext_noop("Dead letter"), "circle-x"),
}
VERDICT_SENTENCES = {
    "valid": gettext_noop("The signature is valid."),
    "valid_late": gettext_noop(
        "The signature is valid, but the delivery came outside the time window."
    ),
    "compat": gettext_noop("The signature is valid, in the older format."),
}
UNKNOWN_VERDICT = gettext_noop(
    "How the signature was judged is not known: an older version stored the event."
)
CAUSE_ADVICE = {
    "unknown_publication": gettext_noop(
        "No post has this publication: it was not published by signalpost, or its account was"
        " erased. Discard the events, or replay them if the post is there now."
    ),
    "unreadable": gettext_noop(
        "The stored payload cannot be parsed. Update signalpost, then replay the events."
    ),
}
OTHER_ADVICE = gettext_noop("Read the error, mend its cause, then replay the events.")
REFUSAL_SENTENCES = {
    "missing_header": gettext_noop("The delivery has no signature."),
    "malformed_header": gettext_noop("The header of the signature cannot be read."),
    "no_secret": gettext_noop("No secret is set with which it could be verified."),
    "bad_signature": gettext_noop("No secret that is set matches the signature."),
    "stale": gettext_noop("Signed correctly, but too long ago; the settings refuse it."),
    "future": gettext_noop("Signed correctly, but with a time in the future; it is refused."),
    "other_app": gettext_noop("Signed correctly, but meant for another app."),
    "invalid_payload": gettext_noop("Signed correctly, but the body cannot be read."),
}


def event_badge(event: Event) -> Badge:
    return localize_badge(EVENT_BADGES[event.display_status])


def verdict_sentence(event: Event) -> str:
    return translate_text(VERDICT_SENTENCES.get(event.verdict or "", UNKNOWN_VERDICT))


def cause_advice(code: str) -> str:
    return translate_text(CAUSE_ADVICE.get(code, OTHER_ADVICE))


def refusal_sentence(reason: str) -> str:
    return translate_text(REFUSAL_SENTENCES.get(reason, reason))


def effect_sentence(event: Event, *, has_changes: bool) -> str:
    """What became of the event, in one sentence."""
    error = event.last_error or ""
    if event.status == "dead":
        return translate_text("It was not applied: its tries are used up.")
    if event.status == "pending":
        return translate_text("It is not applied yet.")
    if error.startswith(DISCARDED):
        return translate_text("It was discarded by a person and changed nothing.")
    if event.status == "ignored":
        return translate_text("It changed nothing: this kind of event has no effect here.")
    if has_changes:
        return translate_text("It changed the post below.")
    return translate_text("It was applied. Nothing that is final was changed.")
