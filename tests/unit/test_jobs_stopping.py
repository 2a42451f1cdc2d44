"""What a worker writes that is ended by force."""

import json
from threading import Event, Thread

from tasks.stopping import report_threads


def test_a_worker_that_is_ended_by_force_says_what_its_threads_wait_for(capfd):
    end = Event()
    thread = Thread(target=end.wait, name="waits-for-the-test")
    thread.start()
    report_threads()
    end.set()
    thread.join()
    main, *others = [json.loads(line)["message"] for line in capfd.readouterr().err.splitlines()]
    assert "MainThread" in main
    assert "test_a_worker_that_is_ended_by_force" in main
    assert any("waits-for-the-test" in line and "threading.py" in line for line in others)
