"""How state machines are run: few short examples by default, many long ones in the fault suite.

A machine drives our own functions on the real Postgres, and keeps a model of what has to be there.
Its rules have no preconditions: what is there also depends on the time that passes, and Hypothesis
wants to draw the same each time.
"""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

SHORT_RUN = settings(
    max_examples=8,
    stateful_step_count=25,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
LONG_RUN = settings(SHORT_RUN, max_examples=300, stateful_step_count=60)

CHOICES = st.integers(0, 999)
"""Numbers that choose among what there is when a rule runs, with `pick_one`."""


def pick_one(items, choice):
    return items[choice % len(items)]


def run_machine(build_machine, *, examples=SHORT_RUN.max_examples, is_long=False):
    """Run examples of the machine that the function builds, each with a new one."""
    chosen = LONG_RUN if is_long else settings(SHORT_RUN, max_examples=examples)
    run_state_machine_as_test(build_machine, settings=chosen)
