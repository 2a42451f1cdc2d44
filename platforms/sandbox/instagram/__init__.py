"""The Instagram sandbox: `BLUEPRINTS` are its endpoints and controls."""

from platforms.sandbox.instagram import nodes, page_lists

BLUEPRINTS = (
    nodes.routes,
    page_lists.routes,
    # Helpers of other parts add their blueprints here.
)
