"""The ways to sign in at the platforms that are switched on."""

from core.bootstrap import Services
from core.errors import Misconfigured
from platforms.logins import LoginFlow

FLOW_KEY = "flow"
"""Key in a login's `metadata`: the way of signing in, where a platform has several."""


def get_flow(services: Services, provider: str) -> LoginFlow:
    """Return the flow of a platform. Errors: Misconfigured if the platform is off."""
    flow = services.get_adapter(provider).flow
    if flow is None:
        raise Misconfigured(f"{provider} offers no way to sign in")
    return flow
