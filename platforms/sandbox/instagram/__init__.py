"""The Instagram sandbox: `BLUEPRINTS` are its endpoints and controls."""

from platforms.sandbox.instagram import (
    container_calls,
    media_reads,
    nodes,
    page_lists,
    publishing,
    publishing_controls,
    publishing_limit,
    uploads,
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
)
