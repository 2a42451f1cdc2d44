"""The HTML pages: one module per subject, each with its blueprint."""

from app.pages import (
    accounts,
    avatars,
    brand_styles,
    comments,
    dashboard,
    data_deletions,
    deliveries,
    endpoints,
    history,
    insights,
    keys,
    notifications,
    publish,
    sign_in_settings,
    thumbnails,
    upload,
    widgets,
)
from app.pages.composer import composer_page

PAGE_BLUEPRINTS = (
    dashboard.blueprint,
    accounts.blueprint,
    avatars.blueprint,
    thumbnails.blueprint,
    history.blueprint,
    upload.blueprint,
    publish.blueprint,
    notifications.blueprint,
    keys.blueprint,
    sign_in_settings.blueprint,
    endpoints.blueprint,
    deliveries.blueprint,
    widgets.blueprint,
    comments.blueprint,
    insights.blueprint,
    data_deletions.blueprint,
    brand_styles.blueprint,
    composer_page.blueprint,
    *upload.build_static_blueprints(),
)
