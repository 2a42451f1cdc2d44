import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest

from core.errors import ServiceUnavailable
from core.limits.breaker import FAILURE_THRESHOLD, OPEN_SECONDS, CircuitState
from core.limits.circuit_proxy import CALL_CLASS_BY_METHOD, wrap_platforms
from core.limits.circuits import CACHE_SECONDS, CALL_CLASSES, CircuitOpen, Circuits
from core.limits.redis_client import RedisClient
from core.outcomes import Snooze
from platforms import registry
from platforms.base import OAuth, PlatformApp, Publisher
from platforms.errors import RateLimited, Rejected, TimedOut, Unavailable
from platforms.http import HttpClient
from platforms.secret import Secret
from tests.flows.brokers import wait_until

UNREACHABLE_REDIS = "redis://127.0.0.1:1/0"


class CircuitClock:
    now = 1_700_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def circuit_clock():
    return CircuitClock()


@pytest.fixture
def make_circuits(circuit_clock):
    """Builds circuits as one process sees them."""
    opened = []

    def build(url):
        opened.append(RedisClient(url))
        return Circuits(opened[-1], clock=circuit_clock, jitter=lambda: 0.0)

    yield build
    for shared in opened:
        shared.close()


@pytest.fixture(params=["shared", "alone"])
def circuits(request, make_circuits):
    url = request.getfixturevalue("redis_url") if request.param == "shared" else UNREACHABLE_REDIS
    return make_circuits(url)


def failing_call(error=Unavailable):
    def act():
        raise error("no answer")

    return act


def break_circuit(circuits, times=FAILURE_THRESHOLD, error=Unavailable, kind="read"):
    for _ in range(times):
        with pytest.raises(error):
            circuits.call("tiktok", kind, failing_call(error))


def circuit_state(circuits, kind="read"):
    return {each.call_class: each for each in circuits.list_circuits(["tiktok"])}[
        kind
    ].circuit.state


def test_results_and_errors_pass_through(circuits):
    assert circuits.call("tiktok", "read", lambda: 42) == 42
    with pytest.raises(Rejected):
        circuits.call("tiktok", "read", failing_call(Rejected))


def test_an_open_circuit_postpones_without_calling(circuits):
    break_circuit(circuits)
    with pytest.raises(CircuitOpen) as caught:
        circuits.call("tiktok", "read", lambda: pytest.fail("called"))
    assert isinstance(caught.value, Snooze)  # the engine: no attempt is spent
    assert isinstance(caught.value, ServiceUnavailable)  # our API: 503
    assert caught.value.delay == caught.value.retry_after == timedelta(seconds=OPEN_SECONDS)


@pytest.mark.parametrize("error", [Rejected, RateLimited])
def test_an_answer_is_an_answer_whatever_it_says(circuits, error):
    break_circuit(circuits, times=10, error=error)
    assert circuit_state(circuits) is CircuitState.CLOSED


def test_an_unreadable_answer_is_one_as_well(circuits):
    def act():
        raise Unavailable("html", code="INVALID_RESPONSE")

    for _ in range(10):
        with pytest.raises(Unavailable):
            circuits.call("tiktok", "read", act)
    assert circuit_state(circuits) is CircuitState.CLOSED


def test_time_outs_count(circuits):
    break_circuit(circuits, error=TimedOut)
    assert circuit_state(circuits) is CircuitState.OPEN


def test_classes_and_platforms_break_apart(circuits):
    break_circuit(circuits, kind="upload")
    assert circuits.call("tiktok", "read", lambda: 1) == 1
    assert circuits.call("instagram", "upload", lambda: 1) == 1


def test_it_closes_again_by_itself(circuits, circuit_clock):
    break_circuit(circuits)
    circuit_clock.now += OPEN_SECONDS
    assert circuits.call("tiktok", "read", lambda: 1) == 1
    assert circuit_state(circuits) is CircuitState.CLOSED


def test_instagram_has_to_answer_twice(circuits, circuit_clock):
    for _ in range(FAILURE_THRESHOLD):
        with pytest.raises(Unavailable):
            circuits.call("instagram", "read", failing_call())
    circuit_clock.now += OPEN_SECONDS
    for expected in (CircuitState.HALF_OPEN, CircuitState.CLOSED):
        circuits.call("instagram", "read", lambda: 1)
        found = {
            each.call_class: each.circuit.state for each in circuits.list_circuits(["instagram"])
        }
        assert found["read"] is expected


def test_one_process_opens_it_for_all(make_circuits, redis_url):
    first, second = make_circuits(redis_url), make_circuits(redis_url)
    break_circuit(first, times=2)
    break_circuit(second, times=3)
    wait_until(lambda: is_postponed(first), within=1.0, what="the other process hearing of it")


def test_a_busy_process_sees_an_open_circuit_soon(make_circuits, redis_url):
    first, second = make_circuits(redis_url), make_circuits(redis_url)
    assert not is_postponed(first)
    break_circuit(second)
    wait_until(lambda: is_postponed(first), within=1.0, what="the busy process hearing of it")


def test_successes_in_a_row_are_shared_together_and_each_is_counted(make_circuits, redis_url):
    circuits = make_circuits(redis_url)
    told, swap = [], circuits._swap
    circuits._swap = lambda keys, args: (told.append(args), swap(keys, args))[1]
    for _ in range(50):
        circuits.call("tiktok", "read", lambda: 1)
    time.sleep(CACHE_SECONDS)  # the next one is told again
    circuits.call("tiktok", "read", lambda: 1)
    assert len(told) < 20
    assert success_count(circuits) == 51


def test_a_success_after_failures_is_shared_at_once(make_circuits, redis_url):
    circuits = make_circuits(redis_url)
    circuits.call("tiktok", "read", lambda: 1)
    break_circuit(circuits, times=FAILURE_THRESHOLD - 1)
    circuits.call("tiktok", "read", lambda: 1)
    break_circuit(circuits, times=FAILURE_THRESHOLD - 1)
    assert circuit_state(circuits) is CircuitState.CLOSED


def success_count(circuits):
    return {each.call_class: each for each in circuits.list_circuits(["tiktok"])}["read"].successes


def is_postponed(circuits):
    try:
        return circuits.call("tiktok", "read", lambda: False)
    except CircuitOpen:
        return True


def test_only_one_process_tries_when_the_time_is_over(make_circuits, redis_url, circuit_clock):
    first, second = make_circuits(redis_url), make_circuits(redis_url)
    break_circuit(first)
    circuit_clock.now += OPEN_SECONDS

    def while_it_tries():
        with pytest.raises(CircuitOpen):
            second.call("tiktok", "read", lambda: pytest.fail("two at once"))
        return "answered"

    assert first.call("tiktok", "read", while_it_tries) == "answered"


def test_a_write_in_between_is_not_overwritten(make_circuits, redis_url):
    first, second = make_circuits(redis_url), make_circuits(redis_url)

    def meanwhile():
        break_circuit(second, times=FAILURE_THRESHOLD - 1)
        raise Unavailable

    with pytest.raises(Unavailable):
        first.call("tiktok", "read", meanwhile)
    assert circuit_state(first) is CircuitState.OPEN


def test_failures_that_come_all_at_once_are_counted_each(circuits):
    crowd = FAILURE_THRESHOLD
    with ThreadPoolExecutor(crowd) as threads:
        for number in range(20):
            together = threading.Barrier(crowd)

            def fails(together=together, number=number):
                def act():
                    together.wait(30)
                    raise Unavailable("no answer")

                with suppress(Unavailable):
                    circuits.call(f"platform{number}", "read", act)

            list(threads.map(lambda _, fails=fails: fails(), range(crowd)))
    found = circuits.list_circuits([f"platform{number}" for number in range(20)])
    assert {each.circuit.state for each in found if each.call_class == "read"} == {
        CircuitState.OPEN
    }


def test_circuit_statistics_include_totals(make_circuits, redis_url):
    circuits = make_circuits(redis_url)
    break_circuit(circuits, times=2)
    circuits.call("tiktok", "read", lambda: 1)
    found = circuits.list_circuits(["tiktok"])
    assert [each.call_class for each in found] == list(CALL_CLASSES)
    read = found[CALL_CLASSES.index("read")]
    assert (read.failures, read.successes) == (2, 1)
    assert read.circuit.last_failure is not None


def test_a_guarded_adapter_calls_through_its_circuit(make_circuits):
    circuits, app = make_circuits(UNREACHABLE_REDIS), make_platform_app()
    bare = registry.build_platforms(
        {"tiktok": app}, HttpClient(timeout=(0.1, 0.1), sleep=lambda _: None)
    )
    platform = wrap_platforms(bare, circuits)["tiktok"]
    for _ in range(FAILURE_THRESHOLD):
        with pytest.raises(Unavailable):
            platform.publisher.cancel(Secret("t"), "v1")
    with pytest.raises(CircuitOpen):
        platform.publisher.cancel(Secret("t"), "v1")
    assert "state=abc" in platform.oauth.authorize_url(state="abc")  # calls nobody
    assert platform.webhooks is bare["tiktok"].webhooks


def make_platform_app():
    return PlatformApp(
        client_key="k",
        client_secret=Secret("s"),
        redirect_uri="http://127.0.0.1/cb",
        scopes=("user.info.basic",),
        webhook_secrets=(),
        base_urls={"auth": "http://127.0.0.1:1", "api": "http://127.0.0.1:1"},
    )


def test_every_method_that_calls_has_a_class():
    methods = {
        name
        for protocol in (OAuth, Publisher)
        for name in vars(protocol)
        if not name.startswith("_")
    }
    assert methods - set(CALL_CLASS_BY_METHOD) == {"authorize_url"}
    assert set(CALL_CLASS_BY_METHOD.values()) == set(CALL_CLASSES)
