"""Tells the kinds of messaging changes apart. They are stored; none has an effect.

Source: Meta, "Webhooks for Instagram Messaging", text of 2026-09-11; `message_edit` since
2025-09-10 (Instagram changelog).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from platforms.vendor_values import read_flag, read_id, read_object

ChangeValue = Mapping[str, Any]
MESSAGES_FIELD = "messages"
STANDBY_FIELD = "standby"
STANDBY_KIND = "message.standby"


@dataclass(frozen=True)
class MessageForm:
    """One form of a message: Meta's name of its field, our kind and what tells two apart.

    `find_key` gets the whole value and the object under the form's key.
    """

    field: str
    kind: str
    find_key: Callable[[ChangeValue, ChangeValue], tuple[Any, ...]]


def message_identity(_value: ChangeValue, message: ChangeValue) -> tuple[Any, ...]:
    return message.get("mid"), message_flag(message)


def edit_identity(_value: ChangeValue, edit: ChangeValue) -> tuple[Any, ...]:
    return edit.get("mid"), edit.get("num_edit")


def reaction_identity(value: ChangeValue, reaction: ChangeValue) -> tuple[Any, ...]:
    return reaction.get("mid"), sender_id(value), reaction.get("action"), value.get("timestamp")


def read_identity(_value: ChangeValue, seen: ChangeValue) -> tuple[Any, ...]:
    return seen.get("mid"), "read"


def postback_identity(_value: ChangeValue, postback: ChangeValue) -> tuple[Any, ...]:
    return (postback.get("mid"),)


def sender_identity(value: ChangeValue, _inner: ChangeValue) -> tuple[Any, ...]:
    return sender_id(value), value.get("timestamp")


MESSAGE_FORMS: Mapping[str, MessageForm] = {
    "message": MessageForm(MESSAGES_FIELD, "message.received", message_identity),
    "message_edit": MessageForm("message_edit", "message.edited", edit_identity),
    "reaction": MessageForm("message_reactions", "message.reaction", reaction_identity),
    "read": MessageForm("messaging_seen", "message.seen", read_identity),
    "postback": MessageForm("messaging_postbacks", "message.postback", postback_identity),
    "referral": MessageForm("messaging_referral", "message.referral", sender_identity),
    "optin": MessageForm("messaging_optins", "message.optin", sender_identity),
    "pass_thread_control": MessageForm("messaging_handover", "message.handover", sender_identity),
    "take_thread_control": MessageForm("messaging_handover", "message.handover", sender_identity),
}
"""Key of a message's content → its form."""

MESSAGE_KINDS: Mapping[str, str] = {
    **{form.field: form.kind for form in MESSAGE_FORMS.values()},
    STANDBY_FIELD: STANDBY_KIND,
}
"""Meta's name of a messaging field → our kind of event."""

FLAGS = ("is_echo", "is_deleted", "is_unsupported")
"""What else may happen to a message: our own was sent, it was taken back, it has no content."""


def message_field(item: Any) -> str:
    """Return the name of the field that a message belongs to, by the form of its content."""
    value = read_object(item) or {}
    return next((form.field for key, form in MESSAGE_FORMS.items() if key in value), MESSAGES_FIELD)


def message_key(value: ChangeValue) -> str:
    """Return what identifies a message among those of its field."""
    for name, form in MESSAGE_FORMS.items():
        if name in value:
            parts = form.find_key(value, read_object(value[name]) or {})
            return ":".join(read_id(part) or "" for part in parts if part is not None)
    return ""


def message_flag(message: ChangeValue) -> str | None:
    return next((name for name in FLAGS if read_flag(message.get(name))), None)


def sender_id(value: ChangeValue) -> str | None:
    return read_id((read_object(value.get("sender")) or {}).get("id"))
