"""Remembers. Importing it declares every table, so that migrations and models can be compared."""

from db.accounts import accounts, instagram, oauth_states
from db.base import Base
from db.identity import api_keys, login_sessions, notifications, users
from db.insights import schedule, snapshots, videos
from db.media import files
from db.ops import alerts, attempts, audit, calls, data_deletions, heartbeats
from db.outbox import deliveries, endpoints, messages
from db.posts import posts, tiktok_posts, timeline, upload_sessions
from db.webhooks import events

__all__ = [
    "Base",
    "accounts",
    "alerts",
    "api_keys",
    "attempts",
    "audit",
    "calls",
    "data_deletions",
    "deliveries",
    "endpoints",
    "events",
    "files",
    "heartbeats",
    "instagram",
    "login_sessions",
    "messages",
    "notifications",
    "oauth_states",
    "posts",
    "schedule",
    "snapshots",
    "tiktok_posts",
    "timeline",
    "upload_sessions",
    "users",
    "videos",
]
