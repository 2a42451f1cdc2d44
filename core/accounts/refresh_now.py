"""Refresh all due accounts at once and report the results: for the CLI and the cron endpoint."""

from dataclasses import dataclass, field

from core.accounts import grant_lifecycle
from core.accounts.refresh import REFRESH_JOB_TYPE, RefreshOutcome
from core.accounts.refresh_calls import RefreshRefused
from core.bootstrap import Services
from core.jobs.run_due import run_due_rows
from core.outcomes import Failure, Park, Snooze
from db.accounts.accounts import Account
from db.session import Database


@dataclass(frozen=True)
class FailedRefresh:
    account_id: int
    provider: str
    code: str


@dataclass
class RefreshSummary:
    refreshed: int = 0
    skipped: int = 0
    failures: list[FailedRefresh] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.refreshed + self.skipped + len(self.failures)

    def add_outcome(self, account: Account, outcome: RefreshOutcome | Failure | Snooze) -> None:
        if isinstance(outcome, Park):
            self.add_failure(account, account.status_cause or grant_lifecycle.REVOKED)
        elif isinstance(outcome, RefreshRefused | Failure):
            self.add_failure(account, outcome.code)
        elif isinstance(outcome, Snooze):
            self.skipped += 1
        else:
            self.refreshed += 1

    def add_failure(self, account: Account, code: str) -> None:
        self.failures.append(FailedRefresh(account.id, account.provider, code))


def refresh_due_accounts(database: Database, services: Services) -> RefreshSummary:
    """Refresh the due accounts: at most `REFRESH_BATCH` of them, within a minute."""
    summary = RefreshSummary()
    limit = services.settings.limits.refresh_batch_size
    run_due_rows(
        REFRESH_JOB_TYPE,
        database,
        services,
        count_remaining=lambda: limit - summary.total,
        on_result=summary.add_outcome,
    )
    return summary
