"""The HTML pages: one module per subject, each with its blueprint."""

from app.pages import accounts, dashboard, endpoints, keys, notifications, posts, upload, widgets

PAGE_BLUEPRINTS = (
    dashboard.blueprint,
    accounts.blueprint,
    posts.blueprint,
    upload.blueprint,
    notifications.blueprint,
    keys.blueprint,
    endpoints.blueprint,
    widgets.blueprint,
)
