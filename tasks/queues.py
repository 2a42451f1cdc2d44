"""The names of queues and tasks, and which task runs each kind of due work."""

QUEUES = ("webhooks", "accounts", "posts", "uploads", "outbox", "insights", "housekeeping")

WAKE_TASKS = {
    "webhooks": "signalpost.apply_webhooks",
    "accounts": "signalpost.refresh_accounts",
    "posts": "signalpost.advance_posts",
    "uploads": "signalpost.send_uploads",
    "insights": "signalpost.sample_insights",
    "outbox": "signalpost.deliver_outbox",
}
"""Kind of job to task. A kind is also the name of its queue; `housekeeping` has no kind."""

KINDS_STARTED_BY_BEAT = frozenset({"pictures"})
"""Kinds of job that no message wakes: beat starts their task often enough."""

# Some task names differ from their constants. They are kept: messages under way carry them.
SWEEP_TASK = "signalpost.sweep"
TICK_TASK = "signalpost.tick"
CANARY_TASK = "signalpost.canary"
CLEANUP_TASK = "signalpost.tidy"
ALERTS_TASK = "signalpost.watch"
ENROL_TASK = "signalpost.enrol_accounts"
RECHECK_TASK = "signalpost.look_again"
PICTURES_TASK = "signalpost.fetch_pictures"
CHECK_LOGINS_TASK = "signalpost.check_logins"

MESSAGE_EXPIRY = 10.0
"""Seconds after which an unconsumed message is dropped: a queue without workers stays short.

Ten and not one: the worker compares the sender's clock with its own, and messages between machines
whose clocks differ by a second or two must still be accepted.
"""
