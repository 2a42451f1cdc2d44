"""The Instagram sandbox: `BLUEPRINTS` are its endpoints and controls."""

from platforms.sandbox.instagram import (
    comment_controls,
    comments,
    container_calls,
    insights,
    media_reads,
    mentions,
    nodes,
    page_lists,
    page_search,
    publishing,
    publishing_controls,
    publishing_limit,
    uploads,
    usage,
)

BLUEPRINTS = (
    nodes.routes,
    page_lists.routes,
    # Helpers of other parts add their blueprints here.
    container_calls.routes,
    media_reads.routes,
    publishing.routes,
    publishing_controls.routes,
    publishing_limit.routes,
    uploads.routes,
    comments.routes,
    insights.routes,
    mentions.routes,
    page_search.routes,
    usage.routes,
    comment_controls.routes,
)
