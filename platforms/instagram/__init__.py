"""The Instagram adapter: so far only the verification and parsing of Meta's deliveries."""

from platforms.instagram.webhooks import InstagramWebhooks

__all__ = ["InstagramWebhooks"]
