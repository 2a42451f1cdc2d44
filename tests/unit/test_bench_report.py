import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from bench.calls import Calls
from bench.drain import Drain
from bench.figures import Delays
from bench.film import Films
from bench.report import Results
from bench.scan import Scan
from bench.tables import show
from tests.loads import LOAD, MACHINE, phases


@pytest.fixture
def results():
    slow = replace(LOAD, accepted_per_second=20.0, applied_per_second=20.0)
    return Results(
        MACHINE,
        {"seconds": 4.0},
        {"signalpost": phases(), "noop": phases(), "inline": phases(slow)},
        {"express_bullmq": "node and npm are not on this machine."},
        [Drain(2, 5000, 10.0, 500.0, 0, {"worker": 1.0})],
        [Scan("posts", 100_000, 0, Delays(1.0, 2.0, 3.0))],
    )


COST = {"worker": 1.0, "postgres": 0.5}
FILM = Films(1024, 107, 900.0, 1000.0, 81.0, COST, 0.4, 0, 0.1)
REFRESHED = Calls("accounts", 100, 0.2, 16, 1.5, 1.25, 66.7, 16, 0, 0, 0, COST, 0.1)


@pytest.fixture
def towards(results):
    return replace(results, films=[FILM], calls=[REFRESHED])


@pytest.fixture
def shown(results):
    paper = io.StringIO()
    show(results, Console(file=paper, width=250))
    return paper.getvalue()


def lines(shown, *words):
    return [line for line in shown.splitlines() if all(word in line for word in words)]


def test_a_peer_that_was_not_measured_has_its_sentence(shown):
    assert lines(shown, "express_bullmq was not measured: node and npm are not on this machine.")


def test_a_target_has_a_verdict_beside_its_ratio(shown):
    assert lines(shown, "accepts, per second: 5.0 x inline", "(target 3.5): reached")
    assert lines(shown, "applies end to end, per second: 2.5 x", "(target 4.0): not reached")


def test_backlog_and_claims_are_shown(shown):
    assert lines(shown, "5000", "500.0")
    assert lines(shown, "100000", "1.0 · 2.0 · 3.0")


def test_the_file_holds_what_the_terminal_showed(results, tmp_path):
    results.write(tmp_path / "new" / "bench.json")
    told = json.loads((tmp_path / "new" / "bench.json").read_text())
    assert told["skipped"] == results.skipped
    assert told["stacks"]["inline"]["few"]["burden"]["others"] == 0.1
    verdicts = {one["title"]: one["reached"] for one in told["standings"]}
    assert verdicts["accepts, per second"] is True
    assert verdicts["applies end to end, per second"] is False
    assert told["ratios"]["inline"]["accepts, per second"] == 5.0


def test_of_ourselves_alone_nothing_is_compared(results):
    alone = replace(results, stacks={"signalpost": phases()})
    assert (alone.standings(), alone.ratios()) == ([], {})


def test_what_is_aimed_at_alone_is_judged_by_its_bound(towards):
    verdicts = {one.title.split(",")[0]: one.reached for one in towards.aims()}
    assert verdicts == {
        "a film of 1 GiB through a worker": True,
        "memory that the worker grew by meanwhile": False,
        "10 000 refreshes at once": True,
        "p99 of a look among posts that are not due": True,
    }


def test_films_and_calls_are_shown_and_written(towards, tmp_path):
    paper = io.StringIO()
    show(towards, Console(file=paper, width=250))
    assert lines(paper.getvalue(), "1024", "900.0", "1000.0", "0.9", "81.0")
    assert lines(paper.getvalue(), "accounts", "1.2", "66.7")
    towards.write(tmp_path / "bench.json")
    told = json.loads((tmp_path / "bench.json").read_text())
    assert [one["reached"] for one in told["aims"]] == [True, False, True, True]


@pytest.mark.parametrize("fault", ["missed", "doubled", "wrong"])
def test_a_call_that_was_not_made_once_makes_a_run_fail(towards, fault):
    assert towards.wrong == 0
    assert replace(towards, calls=[replace(REFRESHED, **{fault: 1})]).wrong == 1


def test_a_film_that_did_not_arrive_makes_a_run_fail(towards):
    assert replace(towards, films=[replace(FILM, ours=0.0)]).wrong == 1
