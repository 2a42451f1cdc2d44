import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest

from core.errors import Away
from core.outcomes import Later
from core.resilience.breaker import FAILURES, OPEN_FOR, State
from core.resilience.circuits import CLASSES, SEEN, Circuits, PlatformAway
from core.resilience.guard import CLASS_OF, guarded
from core.resilience.shared import Shared
from platforms import registry
from platforms.base import App, OAuth, Publisher
from platforms.errors import RateLimited, Rejected, TimedOut, Unavailable
from platforms.http import Http
from platforms.secret import Secret
from tests.flows.brokers import until

NOBODY = "redis://127.0.0.1:1/0"


class Clock:
    now = 1_700_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def process(clock):
    """Builds circuits as one process sees them."""
    opened = []

    def build(url):
        opened.append(Shared(url))
        return Circuits(opened[-1], clock=clock, dice=lambda: 0.0)

    yield build
    for shared in opened:
        shared.close()


@pytest.fixture(params=["shared", "alone"])
def circuits(request, process):
    url = request.getfixturevalue("redis_url") if request.param == "shared" else NOBODY
    return process(url)


def fail(error=Unavailable):
    def act():
        raise error("no answer")

    return act


def breaks(circuits, times=FAILURES, error=Unavailable, kind="read"):
    for _ in range(times):
        with pytest.raises(error):
            circuits.call("tiktok", kind, fail(error))


def state(circuits, kind="read"):
    return {each.kind: each for each in circuits.figures(["tiktok"])}[kind].circuit.state


def test_results_and_errors_pass_through(circuits):
    assert circuits.call("tiktok", "read", lambda: 42) == 42
    with pytest.raises(Rejected):
        circuits.call("tiktok", "read", fail(Rejected))


def test_an_open_circuit_postpones_without_calling(circuits):
    breaks(circuits)
    with pytest.raises(PlatformAway) as caught:
        circuits.call("tiktok", "read", lambda: pytest.fail("called"))
    assert isinstance(caught.value, Later)  # the engine: no attempt is spent
    assert isinstance(caught.value, Away)  # our API: 503
    assert caught.value.wait == caught.value.retry_after == timedelta(seconds=OPEN_FOR)


@pytest.mark.parametrize("error", [Rejected, RateLimited])
def test_an_answer_is_an_answer_whatever_it_says(circuits, error):
    breaks(circuits, times=10, error=error)
    assert state(circuits) is State.CLOSED


def test_an_unreadable_answer_is_one_as_well(circuits):
    def act():
        raise Unavailable("html", code="INVALID_RESPONSE")

    for _ in range(10):
        with pytest.raises(Unavailable):
            circuits.call("tiktok", "read", act)
    assert state(circuits) is State.CLOSED


def test_time_outs_count(circuits):
    breaks(circuits, error=TimedOut)
    assert state(circuits) is State.OPEN


def test_classes_and_platforms_break_apart(circuits):
    breaks(circuits, kind="upload")
    assert circuits.call("tiktok", "read", lambda: 1) == 1
    assert circuits.call("instagram", "upload", lambda: 1) == 1


def test_it_closes_again_by_itself(circuits, clock):
    breaks(circuits)
    clock.now += OPEN_FOR
    assert circuits.call("tiktok", "read", lambda: 1) == 1
    assert state(circuits) is State.CLOSED


def test_instagram_has_to_answer_twice(circuits, clock):
    for _ in range(FAILURES):
        with pytest.raises(Unavailable):
            circuits.call("instagram", "read", fail())
    clock.now += OPEN_FOR
    for expected in (State.HALF_OPEN, State.CLOSED):
        circuits.call("instagram", "read", lambda: 1)
        found = {each.kind: each.circuit.state for each in circuits.figures(["instagram"])}
        assert found["read"] is expected


def test_one_process_opens_it_for_all(process, redis_url):
    first, second = process(redis_url), process(redis_url)
    breaks(first, times=2)
    breaks(second, times=3)
    until(lambda: postpones(first), within=1.0, what="the other process hearing of it")


def test_a_process_that_calls_all_the_time_hears_of_it_soon(process, redis_url):
    first, second = process(redis_url), process(redis_url)
    assert not postpones(first)
    breaks(second)
    until(lambda: postpones(first), within=1.0, what="the busy process hearing of it")


def test_good_answers_in_a_row_are_told_together_and_each_is_counted(process, redis_url):
    circuits = process(redis_url)
    told, swap = [], circuits._swap
    circuits._swap = lambda keys, args: (told.append(args), swap(keys, args))[1]
    for _ in range(50):
        circuits.call("tiktok", "read", lambda: 1)
    time.sleep(SEEN)  # the next one is told again
    circuits.call("tiktok", "read", lambda: 1)
    assert len(told) < 20
    assert successes(circuits) == 51


def test_a_good_answer_after_failures_is_told_at_once(process, redis_url):
    circuits = process(redis_url)
    circuits.call("tiktok", "read", lambda: 1)
    breaks(circuits, times=FAILURES - 1)
    circuits.call("tiktok", "read", lambda: 1)
    breaks(circuits, times=FAILURES - 1)
    assert state(circuits) is State.CLOSED


def successes(circuits):
    return {each.kind: each for each in circuits.figures(["tiktok"])}["read"].successes


def postpones(circuits):
    try:
        return circuits.call("tiktok", "read", lambda: False)
    except PlatformAway:
        return True


def test_only_one_process_tries_when_the_time_is_over(process, redis_url, clock):
    first, second = process(redis_url), process(redis_url)
    breaks(first)
    clock.now += OPEN_FOR

    def while_it_tries():
        with pytest.raises(PlatformAway):
            second.call("tiktok", "read", lambda: pytest.fail("two at once"))
        return "answered"

    assert first.call("tiktok", "read", while_it_tries) == "answered"


def test_a_write_in_between_is_not_overwritten(process, redis_url):
    first, second = process(redis_url), process(redis_url)

    def meanwhile():
        breaks(second, times=FAILURES - 1)
        raise Unavailable

    with pytest.raises(Unavailable):
        first.call("tiktok", "read", meanwhile)
    assert state(first) is State.OPEN


def test_failures_that_come_all_at_once_are_counted_each(circuits):
    crowd = FAILURES
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
    found = circuits.figures([f"platform{number}" for number in range(20)])
    assert {each.circuit.state for each in found if each.kind == "read"} == {State.OPEN}


def test_figures_tell_totals(process, redis_url):
    circuits = process(redis_url)
    breaks(circuits, times=2)
    circuits.call("tiktok", "read", lambda: 1)
    found = circuits.figures(["tiktok"])
    assert [each.kind for each in found] == list(CLASSES)
    read = found[CLASSES.index("read")]
    assert (read.failures, read.successes) == (2, 1)
    assert read.circuit.last_failure is not None


def test_a_guarded_adapter_calls_through_its_circuit(process):
    circuits, app = process(NOBODY), an_app()
    bare = registry.build({"tiktok": app}, Http(timeout=(0.1, 0.1), sleep=lambda _: None))
    platform = guarded(bare, circuits)["tiktok"]
    for _ in range(FAILURES):
        with pytest.raises(Unavailable):
            platform.publisher.cancel(Secret("t"), "v1")
    with pytest.raises(PlatformAway):
        platform.publisher.cancel(Secret("t"), "v1")
    assert "state=abc" in platform.oauth.authorize_url(state="abc")  # calls nobody
    assert platform.webhooks is bare["tiktok"].webhooks


def an_app():
    return App(
        client_key="k",
        client_secret=Secret("s"),
        redirect_uri="http://127.0.0.1/cb",
        scopes=("user.info.basic",),
        webhook_secrets=(),
        bases={"auth": "http://127.0.0.1:1", "api": "http://127.0.0.1:1"},
    )


def test_every_method_that_calls_has_a_class():
    methods = {
        name
        for protocol in (OAuth, Publisher)
        for name in vars(protocol)
        if not name.startswith("_")
    }
    assert methods - set(CLASS_OF) == {"authorize_url"}
    assert set(CLASS_OF.values()) == set(CLASSES)
