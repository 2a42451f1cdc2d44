"""What a test decides about a container: it fails, expires, hangs, is late, has foreign music."""

from typing import Any

from platforms.sandbox.instagram.containers import SandboxContainer
from platforms.sandbox.instagram.publishing_errors import PROCESSING_FAILED
from platforms.sandbox.instagram.state import InstagramState

OUTCOMES = ("copyright", "error", "expire", "finish", "late", "stuck")


def apply_next_outcome(state: InstagramState, container: SandboxContainer) -> None:
    """Apply what was decided for the next container of this account, if anything was."""
    waiting = state.publishing.outcomes.get(container.account_id)
    if waiting:
        apply_outcome(state, container, waiting.pop(0))


def apply_outcome(
    state: InstagramState, container: SandboxContainer, outcome: dict[str, Any]
) -> None:
    """`subcode`: of an error. `times`: how many publishes of a late container are refused."""
    match outcome["outcome"]:
        case "copyright":
            container.has_copyright_match = True
        case "error":
            container.fail(outcome.get("subcode", PROCESSING_FAILED))
        case "expire":
            container.expires_at = state.now
        case "stuck":
            container.is_stuck = True
        case "late":
            container.late_publishes = outcome.get("times", 1)
        case "finish":
            container.error_subcode, container.is_stuck = 0, False
            container.finish_at = state.now
