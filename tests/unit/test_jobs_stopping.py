from tasks.stopping import report_threads


def test_a_worker_that_is_ended_by_force_says_what_its_threads_wait_for(capfd):
    report_threads()
    assert "test_a_worker_that_is_ended_by_force" in capfd.readouterr().err
