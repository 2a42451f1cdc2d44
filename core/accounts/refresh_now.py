"""Every refresh that is due, right now, for somebody who waits to hear how it went."""

from dataclasses import dataclass, field

from core.accounts.refresh import REFRESH_JOB, REVOKED_CAUSE, EncryptedGrant, RefreshRefused
from core.bootstrap import Services
from core.jobs import run_due as engine
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

    def add_outcome(
        self, account: Account, outcome: EncryptedGrant | RefreshRefused | Failure | Snooze
    ) -> None:
        if isinstance(outcome, Park):
            self.add_failure(account, account.status_cause or REVOKED_CAUSE)
        elif isinstance(outcome, RefreshRefused | Failure):
            self.add_failure(account, outcome.code)
        elif isinstance(outcome, Snooze):
            self.skipped += 1
        else:
            self.refreshed += 1

    def add_failure(self, account: Account, code: str) -> None:
        self.failures.append(FailedRefresh(account.id, account.provider, code))


def refresh_due_accounts(database: Database, services: Services) -> RefreshSummary:
    """At most `REFRESH_BATCH` accounts, within a minute."""
    summary, limit = RefreshSummary(), services.settings.limits.refresh_batch_size
    engine.run_due_rows(
        REFRESH_JOB,
        database,
        services,
        count_remaining=lambda: limit - summary.total,
        on_result=summary.add_outcome,
    )
    return summary
