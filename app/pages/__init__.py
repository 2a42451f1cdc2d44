"""The HTML pages: one module per subject, each with its blueprint."""

from app.pages import (
    accounts,
    dashboard,
    data_deletions,
    endpoints,
    keys,
    notifications,
    posts,
    publish,
    upload,
    widgets,
)

PAGE_BLUEPRINTS = (
    dashboard.blueprint,
    accounts.blueprint,
    posts.blueprint,
    upload.blueprint,
    publish.blueprint,
    notifications.blueprint,
    keys.blueprint,
    endpoints.blueprint,
    widgets.blueprint,
    data_deletions.blueprint,
)
