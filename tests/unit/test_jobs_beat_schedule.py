from celery import Celery

from tasks.beat_scheduler import SleepingScheduler
from tasks.queues import CANARY_TASK, MESSAGE_EXPIRY, QUEUES, SWEEP_TASK, TICK_TASK, WAKE_TASKS
from tasks.schedule import BEAT_SCHEDULE, build_beat_schedule


def test_one_message_a_second_makes_a_worker_look_for_due_work_of_every_kind():
    (sweep,) = [entry for entry in BEAT_SCHEDULE.values() if entry["task"] == SWEEP_TASK]
    assert (sweep["options"]["queue"], sweep["schedule"]) == ("housekeeping", 1.0)


def test_every_job_kind_is_also_woken_on_its_own_queue_in_case_no_worker_looks():
    entries = [entry for entry in BEAT_SCHEDULE.values() if entry["task"] in WAKE_TASKS.values()]
    wakes = {entry["task"]: (entry["options"]["queue"], entry["schedule"]) for entry in entries}
    assert wakes == {task: (kind, 10.0) for kind, task in WAKE_TASKS.items()}


def test_an_idle_beat_sends_fewer_than_three_messages_a_second():
    assert sum(1 / entry["schedule"] for entry in BEAT_SCHEDULE.values()) < 3


def test_beat_sleeps_until_an_entry_is_due():
    scheduler = SleepingScheduler(Celery(set_as_current=False), schedule={}, lazy=True)
    scheduler.max_interval = 60
    scheduler.update_from_dict({"sweep": BEAT_SCHEDULE["sweep"]})
    assert 0.5 < scheduler.tick() <= 1.0
    assert [scheduler.adjust(seconds) for seconds in (0.001, 1.5)] == [0.001, 1.5]


def test_every_queue_has_a_canary():
    entries = [entry for entry in BEAT_SCHEDULE.values() if entry["task"] == CANARY_TASK]
    assert sorted(entry["options"]["queue"] for entry in entries) == sorted(QUEUES)


def test_the_tick_is_young_enough_for_an_alert_after_half_a_minute():
    (tick,) = [entry for entry in BEAT_SCHEDULE.values() if entry["task"] == TICK_TASK]
    assert tick["schedule"] * 3 <= 30


def test_beat_messages_expire_and_survive_a_second_of_clock_skew():
    assert {entry["options"]["expires"] for entry in BEAT_SCHEDULE.values()} == {MESSAGE_EXPIRY}
    assert 3 <= MESSAGE_EXPIRY <= 60


def test_beat_wakes_listed_queues_and_sends_no_arguments():
    for entry in BEAT_SCHEDULE.values():
        options = entry["options"]
        assert options["queue"] in QUEUES
        assert not {"args", "kwargs", "countdown", "eta"} & (entry.keys() | options.keys())


def test_a_kind_is_the_name_of_its_queue():
    assert set(WAKE_TASKS) <= set(QUEUES)
    assert all(
        task.startswith("signalpost.") for task in (*WAKE_TASKS.values(), TICK_TASK, CANARY_TASK)
    )


def test_how_often_alerts_are_checked_is_a_setting():
    assert build_beat_schedule(alerts_interval=15.0)["watch"]["schedule"] == 15.0
    assert build_beat_schedule() == BEAT_SCHEDULE
