from core.resilience.breaker import (
    FAILURES,
    OPEN_FOR,
    PROBE,
    WITHIN,
    Circuit,
    State,
    admit,
    answered,
    failed,
)


def broken(now=0.0):
    circuit = Circuit()
    for _ in range(FAILURES):
        circuit = failed(circuit, now)
    return circuit


def test_a_healthy_circuit_lets_pass_and_stays_as_it_is():
    assert admit(Circuit(), 0.0) == (Circuit(), 0.0)
    assert answered(Circuit(), 0.0, needed=1) == Circuit()


def test_five_failures_open_it():
    circuit = Circuit()
    for at in range(FAILURES - 1):
        circuit = failed(circuit, at)
        assert circuit.state is State.CLOSED
    circuit = failed(circuit, 10.0)
    assert (circuit.state, circuit.changed, circuit.last_failure) == (State.OPEN, 10.0, 10.0)


def test_failures_far_apart_do_not():
    circuit = Circuit()
    for at in range(20):
        circuit = failed(circuit, at * WITHIN / (FAILURES - 1))
    assert circuit.state is State.CLOSED


def test_an_answer_in_between_forgives():
    circuit = Circuit()
    for at in range(20):
        circuit = answered(failed(circuit, at), at, needed=1)
    assert circuit == Circuit(last_failure=19)


def test_while_it_is_open_one_waits_for_the_rest_of_the_time():
    circuit, wait = admit(broken(now=100.0), 120.0)
    assert (circuit.state, wait) == (State.OPEN, OPEN_FOR - 20)


def test_afterwards_one_tries_and_the_others_wait_for_it():
    trying, wait = admit(broken(), OPEN_FOR)
    assert (trying.state, wait) == (State.HALF_OPEN, 0.0)
    assert admit(trying, OPEN_FOR + 1)[1] == PROBE - 1


def test_a_try_that_never_came_back_does_not_block_for_ever():
    trying, _ = admit(broken(), OPEN_FOR)
    assert admit(trying, OPEN_FOR + PROBE)[1] == 0.0


def test_an_answer_closes_it():
    trying, _ = admit(broken(), OPEN_FOR)
    closed = answered(trying, OPEN_FOR + 1, needed=1)
    assert (closed.state, closed.failures) == (State.CLOSED, ())


def test_where_two_answers_are_needed_the_second_closes_it():
    trying, _ = admit(broken(), OPEN_FOR)
    once = answered(trying, OPEN_FOR + 1, needed=2)
    assert once.state is State.HALF_OPEN
    again, wait = admit(once, OPEN_FOR + 1)
    assert wait == 0.0
    assert answered(again, OPEN_FOR + 2, needed=2).state is State.CLOSED


def test_a_failed_try_opens_it_for_the_whole_time_again():
    trying, _ = admit(broken(), OPEN_FOR)
    circuit = failed(trying, OPEN_FOR + 1)
    assert circuit.state is State.OPEN
    assert admit(circuit, OPEN_FOR + 2)[1] == OPEN_FOR - 1


def test_calls_that_had_begun_before_change_nothing_any_more():
    circuit = broken()
    assert failed(circuit, 5.0).free_at == circuit.free_at
    assert answered(circuit, 5.0, needed=1) == circuit
