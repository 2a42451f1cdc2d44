"""Circuit breakers, with a Redis that processes share and without one."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from inspect import Parameter, signature
from types import SimpleNamespace

import pytest
import redis

from core.errors import ServiceUnavailable
from core.limits.breaker import FAILURE_THRESHOLD, OPEN_SECONDS, CircuitState
from core.limits.circuit_proxy import (
    CircuitDetailedInsights,
    CircuitInsights,
    CircuitLoginFlow,
    CircuitPostingOptionsReader,
    CircuitWebhookSubscriber,
    PlatformCircuits,
    wrap_adapters,
)
from core.limits.circuits import CACHE_SECONDS, CIRCUIT_NAMES, CircuitOpen, Circuits
from core.limits.redis_client import RedisClient
from core.outcomes import Snooze
from platforms.base import PlatformApp, PostingOptionsReader
from platforms.errors import RateLimited, Rejected, TimedOut, Unavailable
from platforms.http import HttpClient
from platforms.insights_base import DetailedInsights, Insights
from platforms.logins import LoginFlow, WebhookSubscriber
from platforms.registry import PLATFORMS
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
    """A function that builds the circuits of one process."""
    opened = []

    def build(url):
        opened.append(RedisClient(url))
        return Circuits(opened[-1], clock=circuit_clock, jitter=lambda: 0.0)

    yield build
    for redis_client in opened:
        redis_client.close()


@pytest.fixture(params=["with Redis", "without Redis"])
def circuits(request, make_circuits):
    if request.param == "without Redis":
        return make_circuits(UNREACHABLE_REDIS)
    return make_circuits(request.getfixturevalue("redis_url"))


def failing_call(error=Unavailable):
    """A function that raises this error."""

    def call():
        raise error("no answer")

    return call


def break_circuit(circuits, times=FAILURE_THRESHOLD, error=Unavailable, circuit_name="read"):
    for _ in range(times):
        with pytest.raises(error):
            circuits.call("tiktok", circuit_name, failing_call(error))


def circuit_view(circuits, platform="tiktok"):
    """The circuit of the class "read"."""
    views = {view.name: view for view in circuits.list_circuits([platform])}
    return views["read"]


def circuit_state(circuits, platform="tiktok"):
    return circuit_view(circuits, platform).circuit.state


def test_results_and_errors_pass_through(circuits):
    assert circuits.call("tiktok", "read", lambda: 42) == 42
    with pytest.raises(Rejected):
        circuits.call("tiktok", "read", failing_call(Rejected))


def test_an_open_circuit_postpones_without_calling(circuits):
    break_circuit(circuits)
    with pytest.raises(CircuitOpen) as caught:
        circuits.call("tiktok", "read", lambda: pytest.fail("called"))
    assert isinstance(caught.value, Snooze)  # the job runner: no attempt is counted
    assert isinstance(caught.value, ServiceUnavailable)  # our API: 503
    assert caught.value.delay == caught.value.retry_after == timedelta(seconds=OPEN_SECONDS)


@pytest.mark.parametrize("error", [Rejected, RateLimited])
def test_errors_that_the_platform_answers_with_do_not_open_the_circuit(circuits, error):
    break_circuit(circuits, times=10, error=error)
    assert circuit_state(circuits) is CircuitState.CLOSED


def test_an_unreadable_answer_does_not_open_the_circuit(circuits):
    def answer_html():
        raise Unavailable("html", code="INVALID_RESPONSE")

    for _ in range(10):
        with pytest.raises(Unavailable):
            circuits.call("tiktok", "read", answer_html)
    assert circuit_state(circuits) is CircuitState.CLOSED


def test_timeouts_open_the_circuit(circuits):
    break_circuit(circuits, error=TimedOut)
    assert circuit_state(circuits) is CircuitState.OPEN


def test_each_class_and_each_platform_has_its_own_circuit(circuits):
    break_circuit(circuits, circuit_name="upload")
    assert circuits.call("tiktok", "read", lambda: 1) == 1
    assert circuits.call("instagram", "upload", lambda: 1) == 1


def test_an_open_circuit_closes_after_an_answer_to_its_probe(circuits, circuit_clock):
    break_circuit(circuits)
    circuit_clock.now += OPEN_SECONDS
    assert circuits.call("tiktok", "read", lambda: 1) == 1
    assert circuit_state(circuits) is CircuitState.CLOSED


def test_the_circuit_of_instagram_closes_after_two_answers(circuits, circuit_clock):
    for _ in range(FAILURE_THRESHOLD):
        with pytest.raises(Unavailable):
            circuits.call("instagram", "read", failing_call())
    circuit_clock.now += OPEN_SECONDS
    for expected in (CircuitState.HALF_OPEN, CircuitState.CLOSED):
        circuits.call("instagram", "read", lambda: 1)
        assert circuit_state(circuits, "instagram") is expected


def test_a_circuit_opened_by_one_process_is_open_for_all(make_circuits, redis_url):
    first, second = make_circuits(redis_url), make_circuits(redis_url)
    break_circuit(first, times=2)
    break_circuit(second, times=3)
    wait_until(
        lambda: is_postponed(first), within=1.0, what="the other process to see the open circuit"
    )


def test_a_busy_process_sees_an_open_circuit_soon(make_circuits, redis_url):
    first, second = make_circuits(redis_url), make_circuits(redis_url)
    assert not is_postponed(first)
    break_circuit(second)
    wait_until(
        lambda: is_postponed(first), within=1.0, what="the busy process to see the open circuit"
    )


def test_successes_in_a_row_are_reported_together_and_each_is_counted(make_circuits, redis_url):
    circuits = make_circuits(redis_url)
    reports = []
    swap = circuits._swap

    def record_swap(keys, args):
        reports.append(args)
        return swap(keys, args)

    circuits._swap = record_swap
    for _ in range(50):
        circuits.call("tiktok", "read", lambda: 1)
    time.sleep(CACHE_SECONDS)  # the next success is reported
    circuits.call("tiktok", "read", lambda: 1)
    assert len(reports) < 20
    assert circuit_view(circuits).successes == 51


def count_reads(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        return client.info("commandstats").get("cmdstat_hmget", {"calls": 0})["calls"]


def test_one_thread_reads_a_circuit_for_all(make_circuits, valkey_server):
    """A server of its own, since one counts the reads of all its clients."""
    redis_url, threads = valkey_server().url(), 16
    circuits = make_circuits(redis_url)
    barrier = threading.Barrier(threads)

    def call_together(_):
        barrier.wait()
        circuits.call("tiktok", "read", lambda: None)

    with ThreadPoolExecutor(threads) as pool:
        circuits.call("tiktok", "read", lambda: None)
        reads, started_at = count_reads(redis_url), time.monotonic()
        for _ in range(4):
            out_of_date = time.monotonic() + CACHE_SECONDS
            wait_until(lambda end=out_of_date: time.monotonic() > end, what="an old circuit")
            list(pool.map(call_together, range(threads)))
        reads = count_reads(redis_url) - reads
    assert 4 <= reads <= (time.monotonic() - started_at) / CACHE_SECONDS + 1


def test_a_success_after_failures_is_reported_at_once(make_circuits, redis_url):
    circuits = make_circuits(redis_url)
    circuits.call("tiktok", "read", lambda: 1)
    break_circuit(circuits, times=FAILURE_THRESHOLD - 1)
    circuits.call("tiktok", "read", lambda: 1)
    break_circuit(circuits, times=FAILURE_THRESHOLD - 1)
    assert circuit_state(circuits) is CircuitState.CLOSED


def is_postponed(circuits):
    try:
        return circuits.call("tiktok", "read", lambda: False)
    except CircuitOpen:
        return True


def test_only_one_process_probes_an_open_circuit(make_circuits, redis_url, circuit_clock):
    first, second = make_circuits(redis_url), make_circuits(redis_url)
    break_circuit(first)
    circuit_clock.now += OPEN_SECONDS

    def call_during_probe():
        with pytest.raises(CircuitOpen):
            second.call("tiktok", "read", lambda: pytest.fail("two at once"))
        return "answered"

    assert first.call("tiktok", "read", call_during_probe) == "answered"


def test_a_concurrent_write_is_not_overwritten(make_circuits, redis_url):
    first, second = make_circuits(redis_url), make_circuits(redis_url)

    def fail_after_four_others():
        break_circuit(second, times=FAILURE_THRESHOLD - 1)
        raise Unavailable

    with pytest.raises(Unavailable):
        first.call("tiktok", "read", fail_after_four_others)
    assert circuit_state(first) is CircuitState.OPEN


def test_simultaneous_failures_are_each_counted(circuits):
    with ThreadPoolExecutor(FAILURE_THRESHOLD) as threads:
        for number in range(20):
            barrier = threading.Barrier(FAILURE_THRESHOLD)

            def fail_together(barrier=barrier, number=number):
                def wait_and_fail():
                    barrier.wait(30)
                    raise Unavailable("no answer")

                with suppress(Unavailable):
                    circuits.call(f"platform{number}", "read", wait_and_fail)

            list(threads.map(lambda _, fail=fail_together: fail(), range(FAILURE_THRESHOLD)))
    states = {circuit_state(circuits, f"platform{number}") for number in range(20)}
    assert states == {CircuitState.OPEN}


def test_circuit_statistics_include_totals(make_circuits, redis_url):
    circuits = make_circuits(redis_url)
    break_circuit(circuits, times=2)
    circuits.call("tiktok", "read", lambda: 1)
    views = circuits.list_circuits(["tiktok"])
    assert [view.name for view in views] == list(CIRCUIT_NAMES)
    read = circuit_view(circuits)
    assert (read.failures, read.successes) == (2, 1)
    assert read.circuit.last_failure is not None


def test_a_wrapped_adapter_calls_through_its_circuit(make_circuits):
    circuits, app = make_circuits(UNREACHABLE_REDIS), make_platform_app()
    http = HttpClient(timeout=(0.1, 0.1), sleep=lambda _: None)
    bare = {"tiktok": PLATFORMS["tiktok"].build_adapter(app, http)}
    platform = wrap_adapters(bare, circuits)["tiktok"]
    for _ in range(FAILURE_THRESHOLD):
        with pytest.raises(Unavailable):
            platform.posting_options.fetch_posting_options(Secret("t"))
    with pytest.raises(CircuitOpen):
        platform.posting_options.fetch_posting_options(Secret("t"))
    assert "state=abc" in platform.flow.authorize_url(state="abc")  # makes no call
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


class RecordingCircuits:
    def __init__(self):
        self.circuit_name = None

    def call(self, _platform, circuit_name, _operation):
        self.circuit_name = circuit_name


@pytest.mark.parametrize(
    ("protocol", "wrapper_class", "circuit_names"),
    [
        (
            LoginFlow,
            CircuitLoginFlow,
            {
                "authorize_url": None,  # makes no call
                "exchange_code": "oauth",
                "identify": "read",
                "find_destinations": "read",
                "renew": "oauth",
                "inspect_token": "oauth",
                "fetch_destination": "read",
                "revoke": "oauth",
            },
        ),
        (
            WebhookSubscriber,
            CircuitWebhookSubscriber,
            {"subscribe": "oauth", "read_subscription": "read", "unsubscribe": "oauth"},
        ),
        (
            PostingOptionsReader,
            CircuitPostingOptionsReader,
            {"fetch_posting_options": "read"},
        ),
        (
            Insights,
            CircuitInsights,
            {
                "fetch_account_totals": "read",
                "fetch_item_page": "read",
                "fetch_items": "read",
            },
        ),
        (
            DetailedInsights,
            CircuitDetailedInsights,
            {
                "fetch_item_metrics": "read",
                "fetch_account_metrics": "read",
                "fetch_audience_metrics": "read",
            },
        ),
    ],
)
def test_every_call_of_an_adapter_has_its_circuit(protocol, wrapper_class, circuit_names):
    methods = {
        name: method
        for name, method in vars(protocol).items()
        if name[0] != "_" and not isinstance(method, property)
    }
    adapter = SimpleNamespace(authorize_url=lambda **_: "https://platform.example")
    observed = {}
    for name, method in methods.items():
        circuits = RecordingCircuits()
        wrapper = wrapper_class(adapter, PlatformCircuits("tiktok", circuits))
        _self, *parameters = signature(method).parameters.values()
        named = {item.name: None for item in parameters if item.kind is Parameter.KEYWORD_ONLY}
        positional = [None] * (len(parameters) - len(named))
        getattr(wrapper, name)(*positional, **named)
        observed[name] = circuits.circuit_name
    assert observed == circuit_names
