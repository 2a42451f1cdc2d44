"""Checks of tokens: each change raises the version by one, and the platform takes the last one."""

from chaos.campaign_stack import CampaignStack
from chaos.fault_tools import expire_leases, wait_for
from chaos.workload import Workload

LAST_REFRESH_TIMEOUT = 60.0  # seconds for one more refresh of every account
SKIPPED_VERSIONS = """
SELECT account_id, version_before, version_after FROM token_changes
 WHERE version_after IS DISTINCT FROM version_before + 1 AND account_id = ANY(%s)
"""
ACCOUNT_STATES = """
SELECT id, status, status_cause, token_version FROM oauth_accounts WHERE id = ANY(%s)
"""
LOSS_CAUSES = "SELECT cause FROM connection_losses WHERE account_id = ANY(%s)"
MAKE_DUE = """
UPDATE oauth_accounts SET refresh_due_at = now(), expires_at = now() - interval '1 second'
 WHERE id = ANY(%s) AND leased_until IS NULL
"""
LOST_ROTATION = "rotation_lost"  # the cause of an account whose refresh had no answer


def find_token_violations(stack: CampaignStack, load: Workload) -> tuple[int, list[str], str]:
    """Refresh every connected account once more: the platform refuses a token that is not its last.

    An account whose refresh was cut off has to be connected again; that is allowed, with its cause.
    """
    accounts = load.token_accounts
    rows = stack.query(SKIPPED_VERSIONS, accounts)
    violations = [f"account {row[0]}: version {row[1]} became {row[2]}" for row in rows]
    before = {row[0]: row[1:] for row in stack.query(ACCOUNT_STATES, accounts)}
    versions = {account: state[2] for account, state in before.items() if state[0] == "ACTIVE"}
    wait_for(lambda: not refresh_again(stack, versions), within=LAST_REFRESH_TIMEOUT)
    after = {row[0]: row[1:] for row in stack.query(ACCOUNT_STATES, accounts)}
    for account, (status, cause, version) in after.items():
        if status == "ACTIVE" and cause is None and version == before[account][2]:
            violations.append(f"account {account}: could not be refreshed")
    causes = [row[0] for row in stack.query(LOSS_CAUSES, accounts)]
    violations += [f"a connection was lost: {cause}" for cause in causes if cause != LOST_ROTATION]
    refused = count_refusals(stack)
    if refused and not causes:
        violations.append(f"{refused} refused tokens, and no connection was lost")
    changes = stack.query_value("SELECT count(*) FROM token_changes")
    figure = f"{changes} tokens replaced, {len(causes)} lost with their answer"
    return changes, violations, f"{figure}, {load.reconnections} connected again"


def refresh_again(stack: CampaignStack, versions: dict[int, int]) -> list[int]:
    """Make the accounts due that are not refreshed yet; return them."""
    rows = stack.query(ACCOUNT_STATES, list(versions))
    waiting = [row[0] for row in rows if row[1] == "ACTIVE" and row[3] == versions[row[0]]]
    if waiting:
        expire_leases(stack)
        stack.query(MAKE_DUE, waiting)
    return waiting


def count_refusals(stack: CampaignStack) -> int:
    calls = stack.sandbox.log("token")
    return sum(call.get("code") == "invalid_grant" for call in calls)
