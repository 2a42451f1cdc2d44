"""The id of the process is read again after a fork: threads of the parent are not the child's."""

import os

from core.process_id import CurrentProcess


def test_a_child_knows_its_own_id_and_the_parent_keeps_its_own():
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, str(CurrentProcess.id).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert int(os.read(reader, 20)) == child
    assert os.getpid() == CurrentProcess.id
    os.close(reader)
    os.close(writer)
