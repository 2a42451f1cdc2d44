"""Writes docs/scale.md: measured costs, what one node carries, and the plan for larger rates."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template

from bench import scale_plan
from bench.scale_figures import ScaleFigures
from bench.scale_plan import (
    RATES,
    ScalePlan,
    compute_costs,
    measure_capacity,
    plan_rate,
)
from core.publishing.job_types import PUBLISH_JOB_TYPE

TEMPLATE_PATH = Path(__file__).with_name("scale_template.md")
TIMES = "\N{MULTIPLICATION SIGN}"
ROLE_NAMES = {
    "web": "web",
    "worker": "workers",
    "postgres": "Postgres",
    "redis": "Redis",
    "beat": "beat",
    "uploads": "uploads",
}
SLOW_ANSWER_MS = 100  # what a platform may need for an answer
THOUSAND = 1000
SIGNIFICANT_DIGITS = 3


def build_page(figures: ScaleFigures) -> str:
    """The whole text of docs/scale.md."""
    costs, capacity = compute_costs(figures), measure_capacity(figures)
    plans = [plan_rate(figures, rate) for rate in RATES]
    values = {
        "measured_at": figures.measured_at,
        "stored_at": figures.stored.measured_at,
        "stored_events": format_number(figures.stored.events),
        "cores": figures.cores,
        "others": f"{figures.others:.1%}",
        "busy_share": f"{scale_plan.BUSY_SHARE:.0%}",
        "node_cores": scale_plan.NODE_CORES,
        "database_cores": scale_plan.DATABASE_CORES,
        "log_limit": scale_plan.LOG_MB_LIMIT,
        "kept_days": scale_plan.EVENT_KEPT_DAYS,
        "wake_ups": scale_plan.WAKE_UPS_PER_SECOND,
        "checks_per_post": scale_plan.CHECKS_PER_POST,
        "other_calls": scale_plan.OTHER_CALLS_PER_POST,
        "table_bytes": format_number(figures.stored.table),
        "log_bytes": format_number(figures.stored.log),
        "cost_table": build_cost_table(figures),
        "capacity_table": build_capacity_table(figures),
        "plan_table": build_plan_table(plans),
        "post_cost": format_number(costs.post),
        "check_cost": format_number(costs.check),
        "event_cost": format_number(costs.event),
        "backlog": format_number(figures.backlog_per_second),
        "events": format_number(capacity.events),
        "large_cells": RATES[2] // RATES[1],
        **call_values(figures),
        **rate_values("small", plans[0], figures),
        **rate_values("middle", plans[1], figures),
        **rate_values("large", plans[2], figures),
    }
    return Template(TEMPLATE_PATH.read_text()).substitute(values)


def call_values(figures: ScaleFigures) -> dict[str, object]:
    """The numbers about calls to platforms that sentences quote."""
    threads = PUBLISH_JOB_TYPE.pool_size
    milliseconds = figures.check.cost["redis"]
    return {
        "threads": threads,
        "slow_answer": SLOW_ANSWER_MS,
        "calls_per_process": format_number(threads * 1000 / SLOW_ANSWER_MS),
        "checks_per_core": format_number(1000 / compute_costs(figures).check),
        "redis_ms": format_number(milliseconds),
        "redis_checks": format_number(1000 / milliseconds),
    }


def rate_values(prefix: str, plan: ScalePlan, figures: ScaleFigures) -> dict[str, object]:
    """The numbers of one step of the plan that sentences quote."""
    return {
        f"{prefix}_rate": format_number(plan.rate),
        f"{prefix}_web_ms": figures.event["web"],
        f"{prefix}_worker_ms": figures.event["worker"],
        f"{prefix}_database_ms": figures.event["postgres"],
        f"{prefix}_ingress_cores": format_number(plan.ingress_cores),
        f"{prefix}_worker_cores": format_number(plan.worker_cores),
        f"{prefix}_database_cores": format_number(plan.database_cores),
        f"{prefix}_ingress": plan.ingress_nodes,
        f"{prefix}_workers": plan.worker_nodes,
        f"{prefix}_databases": plan.databases,
        f"{prefix}_by_cores": plan.databases_by_cores,
        f"{prefix}_by_log": plan.databases_by_log,
        f"{prefix}_log": format_number(plan.log_mb),
        f"{prefix}_stored": format_number(plan.stored_tb),
        f"{prefix}_day": format_number(plan.stored_tb / scale_plan.EVENT_KEPT_DAYS),
        f"{prefix}_wake_ups": format_number(plan.wake_ups),
    }


def build_cost_table(figures: ScaleFigures) -> str:
    costs = compute_costs(figures)
    subjects = {
        "a webhook event, from its delivery to applied": (figures.event, costs.event),
        "a status check of a post": (figures.check.cost, costs.check),
        "a refresh of an account's token": (figures.refresh.cost, costs.refresh),
        "1 GiB of video sent to a platform": (
            {role: seconds * 1000 for role, seconds in figures.upload_seconds.items()},
            costs.upload_gib,
        ),
    }
    rows = [
        [name, *(format_number(cost.get(role, 0.0)) for role in ROLE_NAMES), format_number(total)]
        for name, (cost, total) in subjects.items()
    ]
    return build_table(["CPU, ms", *ROLE_NAMES.values(), "all"], rows)


def build_capacity_table(figures: ScaleFigures) -> str:
    capacity = measure_capacity(figures)
    events, checks = figures.applied_per_second, figures.check.per_second
    costs = compute_costs(figures)
    budget = f"{figures.cores} {TIMES} {scale_plan.BUSY_SHARE} {TIMES} 1000"
    day = format_number(scale_plan.SECONDS_PER_DAY)
    rows = [
        [
            "events per second",
            f"{format_number(events)} {TIMES} {scale_plan.BUSY_SHARE}",
            format_number(capacity.events),
        ],
        [
            "status checks per second",
            f"{format_number(checks)} {TIMES} {scale_plan.BUSY_SHARE}",
            format_number(capacity.checks),
        ],
        [
            "accounts, each token refreshed once a day",
            f"{budget} / {format_number(costs.refresh)} {TIMES} {day}",
            format_number(capacity.accounts),
        ],
        [
            "posts per day, without the bytes of videos",
            f"{budget} / {format_number(costs.post)} {TIMES} {day}",
            format_number(capacity.posts_per_day),
        ],
    ]
    return build_table(["if it did nothing else", "from", "carries"], rows)


def build_plan_table(plans: Sequence[ScalePlan]) -> str:
    lines = {
        "busy cores of web processes": [format_number(plan.ingress_cores) for plan in plans],
        "nodes for them": [str(plan.ingress_nodes) for plan in plans],
        "busy cores of workers": [format_number(plan.worker_cores) for plan in plans],
        "nodes for them ": [str(plan.worker_nodes) for plan in plans],
        "busy cores of Postgres": [format_number(plan.database_cores) for plan in plans],
        "write-ahead log, MB/s": [format_number(plan.log_mb) for plan in plans],
        "primaries, by cores · by log": [
            f"{plan.databases_by_cores} · {plan.databases_by_log}" for plan in plans
        ],
        "events kept, TB": [format_number(plan.stored_tb) for plan in plans],
        "wake-ups per second, at most": [format_number(plan.wake_ups) for plan in plans],
    }
    headings = ["events per second", *(format_number(plan.rate) for plan in plans)]
    return build_table(headings, [[name.strip(), *cells] for name, cells in lines.items()])


def build_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; all columns but the first are numbers."""
    lines = [headings, ["---", *["--:"] * (len(headings) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def format_number(value: float) -> str:
    """Three digits that count; thousands are separated."""
    if value == 0:
        return "0"
    if abs(value) >= THOUSAND:
        digits = max(len(str(int(abs(value)))) - SIGNIFICANT_DIGITS, 0)
        return f"{round(value, -digits):,.0f}"
    return f"{value:.{SIGNIFICANT_DIGITS}g}"
