from tasks.queues import CANARY, EXPIRES, QUEUES, TICK, WAKES
from tasks.schedule import SCHEDULE, schedule


def test_every_kind_of_work_is_rung_each_second_on_its_own_queue():
    lines = [line for line in SCHEDULE.values() if line["task"] in WAKES.values()]
    rung = {line["task"]: (line["options"]["queue"], line["schedule"]) for line in lines}
    assert rung == {task: (kind, 1.0) for kind, task in WAKES.items()}


def test_every_queue_has_a_canary():
    lines = [line for line in SCHEDULE.values() if line["task"] == CANARY]
    assert sorted(line["options"]["queue"] for line in lines) == sorted(QUEUES)


def test_the_tick_is_young_enough_for_an_alert_after_half_a_minute():
    (tick,) = [line for line in SCHEDULE.values() if line["task"] == TICK]
    assert tick["schedule"] * 3 <= 30


def test_nothing_beat_rings_outlives_its_use_or_dies_of_a_second_of_clock_skew():
    assert {line["options"]["expires"] for line in SCHEDULE.values()} == {EXPIRES}
    assert 3 <= EXPIRES <= 60


def test_beat_rings_listed_queues_and_sends_no_arguments():
    for line in SCHEDULE.values():
        assert line["options"]["queue"] in QUEUES
        assert not {"args", "kwargs", "countdown", "eta"} & (line.keys() | line["options"].keys())


def test_a_kind_is_the_name_of_its_queue():
    assert set(WAKES) <= set(QUEUES)
    assert all(task.startswith("signalpost.") for task in (*WAKES.values(), TICK, CANARY))


def test_how_often_alerts_are_looked_for_is_a_setting():
    assert schedule(alerts_every=15.0)["watch"]["schedule"] == 15.0
    assert schedule() == SCHEDULE
