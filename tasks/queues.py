"""The queues, and which task each kind of due work wakes. Names only: nothing is sent here."""

QUEUES = ("webhooks", "accounts", "posts", "uploads", "outbox", "insights", "housekeeping")

WAKE_TASKS = {
    "webhooks": "signalpost.apply_webhooks",
    "accounts": "signalpost.refresh_accounts",
    "posts": "signalpost.advance_posts",
    "uploads": "signalpost.send_uploads",
    "insights": "signalpost.sample_insights",
    "outbox": "signalpost.deliver_outbox",
}
"""Kind to task. A kind is also the name of its queue; queues without a kind carry chores."""

TICK_TASK = "signalpost.tick"
CANARY_TASK = "signalpost.canary"
CLEANUP_TASK = "signalpost.tidy"
ALERTS_TASK = "signalpost.watch"
ENROL_TASK = "signalpost.enrol_accounts"
RECHECK_TASK = "signalpost.look_again"

MESSAGE_EXPIRY = 10.0
"""Seconds after which an unheard bell is thrown away, so that a dead worker's queue stays short.

Ten and not one: the worker compares the sender's clock with its own, and machines that differ
by a second or two must still hear each other.
"""
