"""Instagram, through Meta: so far its deliveries. Knows nothing of how we store or answer."""

from platforms.instagram.webhooks import InstagramWebhooks

__all__ = ["InstagramWebhooks"]
