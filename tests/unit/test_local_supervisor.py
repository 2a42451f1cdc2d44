from local.embedded_server import STOP_TIMEOUT
from local.processes import PROCESSES, STOP_ORDER, StackOptions
from local.supervisor import MAX_RESTART_DELAY, RESTART_DELAY, STABLE_AFTER, RestartState

STOP_LIMIT = 15.0  # seconds a house has to stop in: surface.md


def test_a_child_that_keeps_dying_waits_longer_each_time_but_not_for_ever():
    care, waits = RestartState(started=0.0), []
    for now in range(10):
        care.record_exit(float(now))
        waits.append(care.restart_at - now)
        care.record_start(float(now))
    assert waits[:3] == [RESTART_DELAY, RESTART_DELAY * 2, RESTART_DELAY * 4]
    assert waits[-1] == MAX_RESTART_DELAY


def test_a_child_that_lived_well_is_started_at_once():
    care = RestartState(started=0.0, exits=9)
    care.record_exit(STABLE_AFTER + 1)
    assert care.restart_at == STABLE_AFTER + 1 + RESTART_DELAY


def test_every_process_stops_in_some_wave():
    assert {name for wave in STOP_ORDER for name in wave} == {*PROCESSES, "redis", "postgres"}


def test_all_waves_together_end_in_time():
    graces = {name: process.stop_timeout for name, process in PROCESSES.items()}
    graces |= {"redis": STOP_TIMEOUT, "postgres": STOP_TIMEOUT}
    assert sum(max(graces[name] for name in wave) for wave in STOP_ORDER) < STOP_LIMIT


def test_no_secret_is_an_argument(tmp_path):
    site = StackOptions(
        tmp_path, web_port=1, sandbox_port=2, flower_port=3, worker_processes=2, upload_processes=1
    )
    hidden = {"TIKTOK_CLIENT_SECRET": "hush", "FLOWER_BASIC_AUTH": "signalpost:hush"}
    environment = {**hidden, "TIKTOK_REDIRECT_URI": "http://127.0.0.1:1/back"}
    words = [word for each in PROCESSES.values() for word in each.command(site, environment)]
    assert not [word for word in words if "hush" in word]
