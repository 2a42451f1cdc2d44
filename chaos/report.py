"""The report of a campaign: tables for the terminal, and the same as JSON."""

import os
import platform
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from rich.table import Table

from chaos.campaign import CampaignResult
from chaos.controls import ControlResult
from chaos.fault_catalogue import FAULT_KINDS, FaultKind

ROOT = Path(__file__).parents[1]


def fault_row(kind: FaultKind, result: CampaignResult) -> dict[str, Any]:
    """Describe what became of one fault: how often it was done, or why not."""
    injected = [each for each in result.injected if each.planned.fault == kind.number]
    outcomes = Counter(each.outcome for each in injected)
    reasons = [each.detail for each in injected if each.outcome != "done"]
    if kind.excuse:
        remark = f"not possible here: {kind.excuse}"
    elif not outcomes["done"]:
        remark = reasons[0] if reasons else "not planned in so short a time"
    else:
        remark = "; ".join(dict.fromkeys(each.detail for each in injected))[:60]
    return {
        "fault": kind.number,
        "title": kind.title,
        "done": outcomes["done"],
        "impossible": outcomes["impossible"],
        "failed": outcomes["failed"],
        "remark": remark,
    }


def build_report(result: CampaignResult, controls: list[ControlResult]) -> dict[str, Any]:
    """Return everything that `build/chaos.json` keeps."""
    return {
        "plan": result.plan.as_dict(),
        "commit": read_commit(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "seconds": round(result.seconds, 1),
        "drain_seconds": round(result.drain_seconds, 1),
        "kills": result.kills,
        "events": result.events,
        "posts": result.posts,
        "notes": result.notes,
        "faults": [fault_row(kind, result) for kind in FAULT_KINDS],
        "injected": [
            describe_injected(result, position) for position in range(len(result.injected))
        ],
        "invariants": [
            {
                "invariant": each.number,
                "title": each.title,
                "is_held": each.is_held,
                "trials": each.trials,
                "bound": each.bound,
                "violations": each.violations,
                "figure": each.figure,
            }
            for each in result.invariants
        ],
        "controls": [vars(control) for control in controls],
        "problems": find_problems(result, controls),
    }


def describe_injected(result: CampaignResult, position: int) -> dict[str, Any]:
    each = result.injected[position]
    return {
        "action": each.planned.action,
        "fault": each.planned.fault,
        "planned_at": each.planned.at,
        "seconds": round(each.ended_at - each.began_at, 2),
        "outcome": each.outcome,
        "detail": each.detail,
    }


def find_problems(result: CampaignResult, controls: list[ControlResult]) -> list[str]:
    """Return why the run fails; nothing if it passed."""
    problems = [
        f"{each.number} violated: {violation}"
        for each in result.invariants
        for violation in each.violations
    ]
    problems += [
        f"{each.planned.action} failed: {each.detail}"
        for each in result.injected
        if each.outcome == "failed"
    ]
    problems += [
        f"the control found nothing: {control.name}"
        for control in controls
        if not control.found_violations
    ]
    if result.kills < result.plan.wanted_kills:
        problems.append(f"{result.kills} kills instead of {result.plan.wanted_kills}")
    return problems


def read_commit() -> str:
    read = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return read.stdout.strip() or "unknown"


def fault_table(report: dict[str, Any]) -> Table:
    table = Table("fault", "what", "done", "not", "remark", title="Faults")
    for row in report["faults"]:
        not_done = row["impossible"] + row["failed"]
        table.add_row(row["fault"], row["title"], str(row["done"]), str(not_done), row["remark"])
    return table


def invariant_table(report: dict[str, Any]) -> Table:
    table = Table("", "invariant", "held", "trials", "below", "measured", title="Invariants")
    for row in report["invariants"]:
        bound = f"{row['bound']:.2%}" if row["bound"] else "-"
        held = "yes" if row["is_held"] else "NO: " + "; ".join(row["violations"][:3])
        trials, figure = str(row["trials"]), row["figure"]
        table.add_row(row["invariant"], row["title"], held, trials, bound, figure)
    return table


def control_table(report: dict[str, Any]) -> Table:
    table = Table("without", "violations found", "example", title="Controls")
    for row in report["controls"]:
        found = row["found_violations"]
        table.add_row(row["name"], str(found) if found else "NONE", row["example"])
    return table


def summary_line(report: dict[str, Any]) -> str:
    verdict = "passed" if not report["problems"] else "FAILED"
    return (
        f"{verdict}: seed {report['plan']['seed']}, {report['kills']} kills,"
        f" {report['events']} events, {report['posts']} posts, {report['seconds']:.0f} s"
    )
