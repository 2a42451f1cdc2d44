from local.embedded_server import STOP_TIMEOUT
from local.processes import PROCESSES, STOP_ORDER, StackOptions
from local.readiness import HEARTBEAT_NAMES
from local.supervisor import MAX_RESTART_DELAY, RESTART_DELAY, STABLE_AFTER, RestartState

STOP_LIMIT = 15.0  # seconds in which `signalpost up` stops: docs/surface.md


def test_a_child_that_keeps_exiting_waits_longer_each_time_up_to_a_maximum():
    state, delays = RestartState(started_at=0.0), []
    for now in range(10):
        state.record_exit(float(now))
        delays.append(state.restart_at - now)
        state.record_start(float(now))
    assert delays[:3] == [RESTART_DELAY, RESTART_DELAY * 2, RESTART_DELAY * 4]
    assert delays[-1] == MAX_RESTART_DELAY


def test_a_child_that_ran_long_enough_is_restarted_after_the_shortest_delay():
    state = RestartState(started_at=0.0, exits=9)
    state.record_exit(STABLE_AFTER + 1)
    assert state.restart_at == STABLE_AFTER + 1 + RESTART_DELAY


def test_every_process_is_in_the_stop_order():
    assert {name for group in STOP_ORDER for name in group} == {*PROCESSES, "redis", "postgres"}


def test_all_groups_together_stop_within_the_limit():
    timeouts = {name: process.stop_timeout for name, process in PROCESSES.items()}
    timeouts |= {"redis": STOP_TIMEOUT, "postgres": STOP_TIMEOUT}
    assert sum(max(timeouts[name] for name in group) for group in STOP_ORDER) < STOP_LIMIT


def test_no_secret_is_an_argument(tmp_path):
    options = StackOptions(
        tmp_path, web_port=1, sandbox_port=2, flower_port=3, worker_processes=2, upload_processes=1
    )
    secrets = {
        "TIKTOK_CLIENT_SECRET": "hush",
        "FACEBOOK_APP_SECRET": "hush",
        "INSTAGRAM_APP_SECRET": "hush",
        "FLOWER_BASIC_AUTH": "signalpost:hush",
    }
    redirect_uris = dict.fromkeys(
        ("TIKTOK_REDIRECT_URI", "INSTAGRAM_REDIRECT_URI"), "http://127.0.0.1:1/back"
    )
    environment = {**secrets, **redirect_uris}
    words = [word for each in PROCESSES.values() for word in each.command(options, environment)]
    assert not [word for word in words if "hush" in word]


def test_the_sandbox_and_flower_are_enabled_by_their_ports(tmp_path):
    options = StackOptions(
        tmp_path, web_port=1, sandbox_port=0, flower_port=0, worker_processes=1, upload_processes=1
    )
    disabled = {name for name, process in PROCESSES.items() if not process.is_enabled(options)}
    assert disabled == {"sandbox", "flower"}


def test_every_process_without_a_health_url_has_a_heartbeat():
    without_url = {name for name, process in PROCESSES.items() if process.health_url is None}
    assert without_url == set(HEARTBEAT_NAMES)
