"""The rules of a circuit breaker: when it opens, lets a call probe, and closes."""

from core.limits.breaker import (
    FAILURE_THRESHOLD,
    FAILURE_WINDOW_SECONDS,
    OPEN_SECONDS,
    PROBE_SECONDS,
    Circuit,
    CircuitState,
    admit_call,
    circuit_after_answer,
    circuit_after_failure,
)


def open_circuit(now=0.0):
    circuit = Circuit()
    for _ in range(FAILURE_THRESHOLD):
        circuit = circuit_after_failure(circuit, now)
    return circuit


def test_a_healthy_circuit_lets_calls_pass_and_stays_unchanged():
    assert admit_call(Circuit(), 0.0) == (Circuit(), 0.0)
    assert circuit_after_answer(Circuit(), 0.0, required_successes=1) == Circuit()


def test_five_failures_open_the_circuit():
    circuit = Circuit()
    for at in range(FAILURE_THRESHOLD - 1):
        circuit = circuit_after_failure(circuit, at)
        assert circuit.state is CircuitState.CLOSED
    circuit = circuit_after_failure(circuit, 10.0)
    assert (circuit.state, circuit.changed, circuit.last_failure) == (CircuitState.OPEN, 10.0, 10.0)


def test_failures_far_apart_do_not_open_it():
    circuit = Circuit()
    for at in range(20):
        circuit = circuit_after_failure(
            circuit, at * FAILURE_WINDOW_SECONDS / (FAILURE_THRESHOLD - 1)
        )
    assert circuit.state is CircuitState.CLOSED


def test_an_answer_between_failures_resets_the_count():
    circuit = Circuit()
    for at in range(20):
        circuit = circuit_after_answer(circuit_after_failure(circuit, at), at, required_successes=1)
    assert circuit == Circuit(last_failure=19)


def test_while_a_circuit_is_open_calls_wait_for_the_remaining_time():
    circuit, wait = admit_call(open_circuit(now=100.0), 120.0)
    assert (circuit.state, wait) == (CircuitState.OPEN, OPEN_SECONDS - 20)


def test_after_the_open_time_one_call_probes_and_the_others_wait_for_it():
    probing, wait = admit_call(open_circuit(), OPEN_SECONDS)
    assert (probing.state, wait) == (CircuitState.HALF_OPEN, 0.0)
    assert admit_call(probing, OPEN_SECONDS + 1)[1] == PROBE_SECONDS - 1


def test_a_probe_that_never_returns_does_not_block_for_ever():
    probing, _ = admit_call(open_circuit(), OPEN_SECONDS)
    assert admit_call(probing, OPEN_SECONDS + PROBE_SECONDS)[1] == 0.0


def test_an_answer_to_the_probe_closes_it():
    probing, _ = admit_call(open_circuit(), OPEN_SECONDS)
    closed = circuit_after_answer(probing, OPEN_SECONDS + 1, required_successes=1)
    assert (closed.state, closed.failures) == (CircuitState.CLOSED, ())


def test_where_two_answers_are_needed_the_second_closes_it():
    probing, _ = admit_call(open_circuit(), OPEN_SECONDS)
    answered_once = circuit_after_answer(probing, OPEN_SECONDS + 1, required_successes=2)
    assert answered_once.state is CircuitState.HALF_OPEN
    probing_again, wait = admit_call(answered_once, OPEN_SECONDS + 1)
    assert wait == 0.0
    answered_twice = circuit_after_answer(probing_again, OPEN_SECONDS + 2, required_successes=2)
    assert answered_twice.state is CircuitState.CLOSED


def test_a_failed_probe_opens_it_for_the_whole_time_again():
    probing, _ = admit_call(open_circuit(), OPEN_SECONDS)
    circuit = circuit_after_failure(probing, OPEN_SECONDS + 1)
    assert circuit.state is CircuitState.OPEN
    assert admit_call(circuit, OPEN_SECONDS + 2)[1] == OPEN_SECONDS - 1


def test_calls_that_began_before_it_opened_change_nothing():
    circuit = open_circuit()
    assert circuit_after_failure(circuit, 5.0).free_at == circuit.free_at
    assert circuit_after_answer(circuit, 5.0, required_successes=1) == circuit
