import os
import re

from core.observability import request_ids


def test_none_comes_twice_and_all_have_one_form():
    drawn = [request_ids.new_id() for _ in range(3 * request_ids.IDS_PER_DRAW)]
    assert len(set(drawn)) == len(drawn)
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in drawn)


def test_a_forked_child_draws_its_own():
    reader, writer = os.pipe()
    request_ids.new_id()  # so that there is something left to share
    child = os.fork()
    if child == 0:  # nothing of pytest may run in here
        os.write(writer, request_ids.new_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    childs = os.read(reader, 100).decode()
    os.close(reader)
    os.close(writer)
    assert childs not in {request_ids.new_id() for _ in range(request_ids.IDS_PER_DRAW)}
