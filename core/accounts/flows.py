"""The ways to sign in at the platforms that are switched on."""

from core.bootstrap import Services
from core.errors import Misconfigured
from platforms.logins import LoginFlow


def get_flow(services: Services, provider: str) -> LoginFlow:
    """Return the flow of a platform. Errors: Misconfigured if the platform is off."""
    flow = services.get_adapter(provider).flow
    if flow is None:
        raise Misconfigured(f"{provider} offers no way to sign in")
    return flow


def is_flow_in_use(services: Services, provider: str, flow_name: str | None) -> bool:
    """Whether calls for a login of this flow would be made with its app and at its host.

    `flow_name` of None: the platform has one flow. True also while the platform is off.
    """
    adapter = services.adapters.get(provider)
    if flow_name is None or adapter is None or adapter.flow is None:
        return True
    return adapter.flow.rules.name == flow_name
