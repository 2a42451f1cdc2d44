"""What a rate of events needs: cores, nodes, databases, log and disk, from measured figures.

Assumptions are constants here, and are named as such on the page.
"""

from dataclasses import dataclass
from math import ceil

from bench.scale_figures import ScaleFigures

BUSY_SHARE = 0.6  # of a core in the long run: the rest is for bursts and for a lost node
NODE_CORES = 16
DATABASE_CORES = 16  # that one Postgres is given; we have measured it on two
LOG_MB_LIMIT = 200  # MB of write-ahead log per second that one Postgres is given to write
EVENT_KEPT_DAYS = 30  # the default of WEBHOOK_KEPT_DAYS
WAKE_UPS_PER_SECOND = 10  # that one web process sends at most
CHECKS_PER_POST = 5  # status checks until a webhook or the last of them says that it is public
OTHER_CALLS_PER_POST = 2  # the check before the start, and the start
DATABASES_BY_HAND = 1  # from the second one on, a distributed Postgres
SECONDS_PER_DAY = 86_400
MS_PER_SECOND = 1000
MB, TB = 1e6, 1e12  # bytes

RATES = (10_000, 100_000, 1_000_000)
"""Events per second that the page plans for."""


@dataclass(frozen=True)
class ScalePlan:
    """What `rate` events per second need. Cores are those that are busy, divided by BUSY_SHARE."""

    rate: int
    ingress_cores: float
    worker_cores: float
    database_cores: float
    log_mb: float  # per second
    stored_tb: float  # of the days that events are kept

    @property
    def ingress_nodes(self) -> int:
        """One more than needed, so that one can be lost."""
        return ceil(self.ingress_cores / NODE_CORES) + 1

    @property
    def worker_nodes(self) -> int:
        return ceil(self.worker_cores / NODE_CORES) + 1

    @property
    def databases_by_cores(self) -> int:
        return ceil(self.database_cores / DATABASE_CORES)

    @property
    def databases_by_log(self) -> int:
        return ceil(self.log_mb / LOG_MB_LIMIT)

    @property
    def databases(self) -> int:
        return max(self.databases_by_cores, self.databases_by_log)

    @property
    def wake_ups(self) -> int:
        """Messages per second at most: one web process per core of the ingress."""
        return ceil(self.ingress_cores) * WAKE_UPS_PER_SECOND


def plan_rate(figures: ScaleFigures, rate: int) -> ScalePlan:
    return ScalePlan(
        rate=rate,
        ingress_cores=count_cores(rate, figures.event["web"]),
        worker_cores=count_cores(rate, figures.event["worker"]),
        database_cores=count_cores(rate, figures.event["postgres"]),
        log_mb=rate * figures.stored.log / MB,
        stored_tb=rate * SECONDS_PER_DAY * EVENT_KEPT_DAYS * figures.stored.table / TB,
    )


def count_cores(rate: float, milliseconds: float) -> float:
    """The cores that so many things per second need, each with so much CPU."""
    return rate * milliseconds / MS_PER_SECOND / BUSY_SHARE


@dataclass(frozen=True)
class UnitCosts:
    """CPU of one of each, in ms, all processes together."""

    event: float
    check: float
    refresh: float
    post: float
    upload_gib: float


def compute_costs(figures: ScaleFigures) -> UnitCosts:
    """A post is counted in calls: each costs about what a status check does."""
    event, check = sum(figures.event.values()), sum(figures.check.cost.values())
    return UnitCosts(
        event=event,
        check=check,
        refresh=sum(figures.refresh.cost.values()),
        post=(CHECKS_PER_POST + OTHER_CALLS_PER_POST) * check + event,
        upload_gib=sum(figures.upload_seconds.values()) * MS_PER_SECOND,
    )


@dataclass(frozen=True)
class NodeCapacity:
    """What one node of the measured size carries in the long run, each line if it did nothing else.

    Per second; `accounts` are those whose tokens it can keep fresh, once a day each.
    """

    events: float
    checks: float
    refreshes: float
    posts_per_day: float
    accounts: float


def measure_capacity(figures: ScaleFigures) -> NodeCapacity:
    """The measured rates are peaks, so BUSY_SHARE of them is counted on."""
    refreshes = figures.cores * BUSY_SHARE * MS_PER_SECOND / compute_costs(figures).refresh
    posts = figures.cores * BUSY_SHARE * MS_PER_SECOND / compute_costs(figures).post
    return NodeCapacity(
        events=figures.applied_per_second * BUSY_SHARE,
        checks=figures.check.per_second * BUSY_SHARE,
        refreshes=refreshes,
        posts_per_day=posts * SECONDS_PER_DAY,
        accounts=refreshes * SECONDS_PER_DAY,
    )
