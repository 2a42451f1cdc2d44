"""Request ids are unique, also in forked processes."""

import os
import re

from core.observability import request_ids


def test_ids_are_unique_and_32_hex_digits():
    ids = [request_ids.new_id() for _ in range(3 * request_ids.IDS_PER_DRAW)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[0-9a-f]{32}", request_id) for request_id in ids)


def test_a_forked_child_draws_ids_of_its_own():
    reader, writer = os.pipe()
    request_ids.new_id()  # so that there is something left to share
    child = os.fork()
    if child == 0:  # nothing of pytest may run in here
        os.write(writer, request_ids.new_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    child_id = os.read(reader, 100).decode()
    os.close(reader)
    os.close(writer)
    assert child_id not in {request_ids.new_id() for _ in range(request_ids.IDS_PER_DRAW)}
