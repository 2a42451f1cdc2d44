"""The sandboxes that the contract suite runs against: one for each platform and login."""

from functools import partial

from tests.platforms.instagram_sandbox_client import run_instagram_contract_sandbox
from tests.platforms.sandbox_client import run_tiktok_sandbox

SANDBOX_RUNNERS = {
    "tiktok": run_tiktok_sandbox,
    "instagram": partial(run_instagram_contract_sandbox, "facebook"),
    "instagram_login": partial(run_instagram_contract_sandbox, "instagram"),
}
"""Name → context manager that yields a `SandboxClient` with adapter and profile."""
