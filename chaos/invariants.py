"""The ten invariants of decision 0071: by the database and the ledger, when all work has ended."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chaos.campaign_stack import CampaignStack
from chaos.draining import DrainedWork
from chaos.plan import FaultInjection
from chaos.post_checks import find_post_violations
from chaos.resources import measure_resources
from chaos.timed_stream import ACKNOWLEDGED
from chaos.token_checks import find_token_violations
from chaos.workload import Workload
from tests.flows.secret_search import (
    dump_database,
    find_secrets,
    list_secrets,
    read_logs,
    read_metrics,
    read_process_lists,
)

DUE_TOLERANCE = "10 seconds"
FROZEN_LIMIT = 3.0  # seconds of the slowest percent of answers while Redis is frozen
OUTAGE_TAIL = 25.0  # seconds after an outage of Postgres in which 503 is right
SLOW_SHARE = 0.99
UNAVAILABLE = 503
MAX_RETRY_COUNT = 14  # attempts of an event before it is a dead letter
GROWTH = 1.1  # what may be held more than before the faults, besides the slack
GROWTH_SLACK = {"files": 8, "MiB": 60, "connections": 8, "keys": 120}
"""Processes that were just replaced differ by so much memory. Keys of rate limits: three for each
account that has posted meanwhile, gone after a minute."""
INITS_PER_MINUTE = 6  # TikTok's limit, and so ours
MINUTE_SECONDS = 60.0
INIT_ENDPOINTS = ("video_init", "inbox_init", "content_init")
POSTGRES_FAULTS = {"F9", "F10", "F11", "F12", "F13"}
REDIS_FAULTS = {"F5", "F6", "F7", "F8"}

LEASE_QUEUES = {
    "posts": "due_at",
    "oauth_accounts": "refresh_due_at",
    "webhook_events": "next_attempt_at",
    "deliveries": "due_at",
    "watches": "due_at",
}
FIND_ZOMBIES = """
SELECT id FROM {table}
 WHERE leased_until < now() - interval '{tolerance}'
    OR ({due} < now() - interval '{tolerance}' AND leased_until IS NULL)
"""


@dataclass(frozen=True)
class InvariantResult:
    """`trials`: how many things could have violated it. `figure`: what was measured."""

    number: str
    title: str
    trials: int
    violations: list[str] = field(default_factory=list)
    figure: str = ""

    @property
    def is_held(self) -> bool:
        return not self.violations

    @property
    def bound(self) -> float | None:
        """With 95 % confidence the share of violations is below this: the rule of three."""
        return 3 / self.trials if self.trials and self.is_held else None


@dataclass(frozen=True)
class CampaignEvidence:
    """What the checks read."""

    stack: CampaignStack
    load: Workload
    injected: Sequence[FaultInjection]
    resources: dict[str, int]
    drained: DrainedWork


def check_invariants(
    stack: CampaignStack,
    load: Workload,
    injected: Sequence[FaultInjection],
    resources: dict[str, int],
    drained: DrainedWork,
) -> list[InvariantResult]:
    """Check all; a check that fails itself counts as a violation."""
    evidence = CampaignEvidence(stack, load, injected, resources, drained)
    return [run_check(number, title, evidence) for number, title in INVARIANT_TITLES.items()]


def run_check(number: str, title: str, evidence: CampaignEvidence) -> InvariantResult:
    try:
        trials, violations, figure = CHECKS[number](evidence)
    except Exception as error:  # noqa: BLE001 - a check without a result proves nothing
        return InvariantResult(number, title, 0, [f"{type(error).__name__}: {error}"[:300]])
    return InvariantResult(number, title, trials, violations, figure)


CheckResult = tuple[int, list[str], str]


def check_nothing_lost(evidence: CampaignEvidence) -> CheckResult:
    found = evidence.load.stream.find_violations()
    kinds = ("lost", "leased for ever", "without effect")
    violations = describe_events(found, kinds) + [
        f"not ended: post {row}" for row in evidence.drained.open_posts
    ]
    if not evidence.drained.is_stream_drained:
        violations.append("some events were not processed in time")
    if not evidence.drained.is_poison_dead:
        violations.append("an event that cannot be applied is no dead letter")
    acknowledged = len(evidence.load.stream.acknowledged)
    if acknowledged != evidence.load.stream.count:
        violations.append(f"{evidence.load.stream.count - acknowledged} never acknowledged")
    trials = acknowledged + evidence.drained.post_count
    return trials, violations, f"{acknowledged} events, {evidence.drained.post_count} posts"


def describe_events(found: dict[str, set[str]], kinds: Sequence[str]) -> list[str]:
    return [f"{kind}: {name}" for kind in kinds for name in sorted(found.get(kind, ()))[:5]]


def check_effects_once(evidence: CampaignEvidence) -> CheckResult:
    found = evidence.load.stream.find_violations()
    violations = describe_events(found, ("stored twice", "not applied once", "with two effects"))
    posts, problems = find_post_violations(evidence.stack, evidence.load)
    trials = len(evidence.load.stream.acknowledged) + posts
    return trials, violations + problems, f"{posts} publications at the platforms"


def check_no_zombies(evidence: CampaignEvidence) -> CheckResult:
    violations = []
    for table, due in LEASE_QUEUES.items():
        statement = FIND_ZOMBIES.format(table=table, due=due, tolerance=DUE_TOLERANCE)
        violations += [f"{table} {row[0]}" for row in evidence.stack.query(statement)[:5]]
    return len(evidence.load.stream.acknowledged) + evidence.drained.post_count, violations, ""


def check_tokens(evidence: CampaignEvidence) -> CheckResult:
    return find_token_violations(evidence.stack, evidence.load)


def check_quotas(evidence: CampaignEvidence) -> CheckResult:
    """No more starts in any minute than allowed, except after Redis, which counts, was lost."""
    log = evidence.stack.sandbox.control("log")["log"]
    calls: dict[str, list[float]] = {}
    for call in log:
        if call["endpoint"] in INIT_ENDPOINTS and call["work"] and call.get("open_id"):
            calls.setdefault(call["open_id"], []).append(call["at"])
    lost_at = [wall_time(evidence, each) for each in list_faults(evidence, REDIS_FAULTS)]
    violations, most = [], 0
    for open_id, times in calls.items():
        for position, at in enumerate(times):
            window = [each for each in times[position:] if each < at + MINUTE_SECONDS]
            is_excused = any(at - MINUTE_SECONDS < lost < at + MINUTE_SECONDS for lost in lost_at)
            most = max(most, len(window))
            if len(window) > INITS_PER_MINUTE and not is_excused:
                violations.append(f"{open_id}: {len(window)} starts within a minute")
    return sum(map(len, calls.values())), violations[:5], f"at most {most} in a minute"


def wall_time(evidence: CampaignEvidence, injected: FaultInjection) -> float:
    """Return when a fault ended, by the sandbox's clock."""
    return float(
        evidence.stack.sandbox.control("clock")["time"] - time.monotonic() + injected.ended_at
    )


def list_faults(evidence: CampaignEvidence, numbers: set[str]) -> list[FaultInjection]:
    return [each for each in evidence.injected if each.planned.fault in numbers]


def check_secrets(evidence: CampaignEvidence) -> CheckResult:
    """No secret is readable in dump, logs, metrics or process lists; and a planted one is found."""
    running = evidence.stack.running
    user = evidence.load.busy_users[0]
    secrets = list_secrets(running, user)
    places = [
        *dump_database(running),
        *read_logs(running),
        *read_metrics(running),
        *read_process_lists(running),
    ]
    violations = sorted(find_secrets(places, secrets))
    if not find_secrets([("control", f"token={secrets[0]}".encode())], secrets):
        violations.append("the search does not find a secret that is there")
    return len(places), violations, f"{len(secrets)} secrets in {len(places)} places"


def check_no_steps_back(evidence: CampaignEvidence) -> CheckResult:
    moved = evidence.stack.query("SELECT publish_id FROM moved_back")
    count = evidence.stack.query_value("SELECT count(*) FROM posts WHERE state = 'PUBLISHED'")
    return count, [str(row[0]) for row in moved[:5]], f"{count} published"


def check_bounded_work(evidence: CampaignEvidence) -> CheckResult:
    load = evidence.load
    too_often = evidence.stack.query(
        "SELECT publish_id, retry_count FROM webhook_events"
        " WHERE retry_count > %s AND dead_at IS NULL",
        MAX_RETRY_COUNT,
    )
    attempts = evidence.stack.query_value(
        "SELECT coalesce(max(retry_count), 0) FROM webhook_events WHERE dead_at IS NULL"
    )
    dead = describe_events(load.stream.find_violations(), ("tried too often",))
    violations = [f"event {row[0]}: {row[1]} attempts" for row in too_often[:5]] + dead
    return len(load.stream.acknowledged), violations, f"at most {attempts} attempts of an event"


def check_fast_answers(evidence: CampaignEvidence) -> CheckResult:
    """Deliveries are answered in time while Redis hangs, and refused only without Postgres."""
    answers = evidence.load.stream.answers
    outages = list_faults(evidence, POSTGRES_FAULTS)
    frozen = list_faults(evidence, {"F6"})
    violations = []
    for answer in answers:
        in_outage = is_within(answer.at, outages, tail=OUTAGE_TAIL)
        if answer.status != ACKNOWLEDGED and not (answer.status == UNAVAILABLE and in_outage):
            violations.append(f"status {answer.status}")
    slow = [
        answer.seconds
        for answer in answers
        if is_within(answer.at, frozen) and not is_within(answer.at, outages, tail=OUTAGE_TAIL)
    ]
    if slow and find_percentile(slow) > FROZEN_LIMIT:
        violations.append(f"p99 of {find_percentile(slow):.2f} s while Redis was frozen")
    violations += sorted(evidence.load.odd_answers)
    first_fault = min((each.began_at for each in evidence.injected), default=0.0)
    calm = [answer.seconds for answer in answers if answer.at < first_fault]
    figure = f"p99 {find_percentile(calm) * 1000:.0f} ms without faults"
    if slow:
        figure += f", {find_percentile(slow) * 1000:.0f} ms with Redis frozen"
    return len(answers), sorted(set(violations))[:5], figure


def is_within(at: float, faults: Sequence[FaultInjection], *, tail: float = 0.0) -> bool:
    return any(each.began_at <= at <= each.ended_at + tail for each in faults)


def find_percentile(values: Sequence[float], share: float = SLOW_SHARE) -> float:
    ordered = sorted(values)
    return ordered[int(len(ordered) * share)] if ordered else 0.0


def check_resources(evidence: CampaignEvidence) -> CheckResult:
    before, after = evidence.resources, measure_resources(evidence.stack)
    violations = []
    for name, amount in after.items():
        if amount > before[name] * GROWTH + GROWTH_SLACK[name]:
            violations.append(f"{name}: {before[name]} before, {amount} after")
    return len(after), violations, ", ".join(f"{after[name]} {name}" for name in after)


INVARIANT_TITLES = {
    "I1": "nothing acknowledged is lost",
    "I2": "every effect happens once",
    "I3": "no row is due or leased for ever",
    "I4": "an old token never replaces a newer one",
    "I5": "limits of the platforms are kept",
    "I6": "no secret is readable",
    "I7": "no published post goes back",
    "I8": "attempts are bounded",
    "I9": "deliveries are answered in time",
    "I10": "resources are given back",
}
CHECKS: dict[str, Callable[[CampaignEvidence], CheckResult]] = {
    "I1": check_nothing_lost,
    "I2": check_effects_once,
    "I3": check_no_zombies,
    "I4": check_tokens,
    "I5": check_quotas,
    "I6": check_secrets,
    "I7": check_no_steps_back,
    "I8": check_bounded_work,
    "I9": check_fast_answers,
    "I10": check_resources,
}
