"""Many processes at one queue: whatever is killed or overtaken, each effect is there once.

Each promise has its negative control: the same test with one part taken out finds the fault.
"""

import time
from datetime import timedelta

from core.engine.kinds import Report
from core.engine.record import write
from core.engine.work import claim
from tests.db.chores import World, chores
from tests.db.workers import KILLER, Crew, Unfenced, Unleased

SHORT = timedelta(milliseconds=400)
KILLS = 22


def repeated(times):
    return {id_: count for id_, count in times.items() if count > 1}


def missing(ids, times):
    return set(ids) - set(times)


def test_six_processes_do_a_thousand_rows_once_each(database_url, sight):
    ids = sight.put(1000)
    Crew(database_url).finish(6)
    assert repeated(sight.performances()) == {}
    assert sight.effects() == dict.fromkeys(ids, 1)


def test_control_without_leases_the_outside_world_is_asked_twice(database_url, sight):
    sight.put(60, cost=20)
    Crew(database_url, queue=Unleased, patience=4).finish(6)
    assert repeated(sight.performances())
    assert not repeated(sight.effects()), "records are the fence's matter"


def test_workers_killed_again_and_again_leave_each_effect_once(database_url, sight):
    ids = sight.put(400, cost=5)
    crew = Crew(database_url, lease=timedelta(seconds=1))
    kill_again_and_again(crew, sight)
    crew.finish(4)
    assert sight.open() == 0
    assert sight.effects() == dict.fromkeys(ids, 1)
    assert sight.lost_tries() >= KILLS, "every kill should have interrupted somebody's work"


def test_control_without_the_sweep_a_dead_workers_rows_are_left(database_url, sight):
    ids = sight.put(16)
    sight.set(ids[3], cost=KILLER)
    crew = Crew(database_url, sweeps=False, lease=timedelta(milliseconds=1))
    crew.finish(1)
    crew.finish(2)
    assert missing(ids, sight.effects())


def test_an_outlived_lease_may_not_record(database_url, sight):
    ids = sight.put(60)
    sight.set(*ids[::3], cost=1500)
    Crew(database_url, lease=SHORT).finish(6)
    assert repeated(sight.performances()), "nobody was overtaken: this proves nothing"
    assert sight.effects() == dict.fromkeys(ids, 1)


def test_control_without_the_fence_the_overtaken_record_as_well(database_url, sight):
    ids = sight.put(60)
    sight.set(*ids[::3], cost=1500)
    Crew(database_url, queue=Unfenced, lease=SHORT).finish(6)
    assert repeated(sight.effects())


def test_a_killer_in_a_full_batch_costs_itself_and_not_its_neighbours(database_url, sight):
    ids = sight.put(8)
    sight.set(ids[4], cost=KILLER)
    crew = Crew(database_url, lease=timedelta(milliseconds=300), patience=2)
    while sight.open():
        crew.finish(1)
    assert sight.effects() == dict.fromkeys(set(ids) - {ids[4]}, 1)
    assert sight.performances()[ids[4]] == 3
    assert sight.chore(ids[4]).note == "gave up: out_of_attempts"
    neighbours = [sight.tries(id_) for id_ in ids if id_ != ids[4]]
    assert max(neighbours) <= 2


def test_a_result_is_recorded_once_even_if_it_is_written_twice(database, sight):
    ids = sight.put(3)
    work = chores()
    hands = claim(work, database, limit=3, lapsed=False, only=None)
    report = Report()
    for _ in range(2):
        write(work, database, World(), [(hand, hand.job) for hand in hands], report)
    assert (report.recorded, report.fenced) == (3, 3)
    assert sight.lost_tries() == 0
    assert sight.effects() == dict.fromkeys(ids, 1)


def kill_again_and_again(crew, sight):
    """Each time the one that has just begun something, and another takes its place."""
    hired, seen = crew.hire(4), 0
    for _ in range(KILLS):
        victim, seen = someone_at_work(hired, sight, seen)
        victim.kill()
        victim.join()
        hired.remove(victim)
        hired += crew.hire(1)
    for worker in hired:
        worker.kill()
        worker.join()


def someone_at_work(hired, sight, seen):
    while True:
        for number, by in sight.last_performances(seen + 5):
            worker = next((each for each in hired if each.pid == by), None)
            if worker is not None:
                return worker, number
        time.sleep(0.002)
