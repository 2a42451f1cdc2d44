"""The id of this process, read once and after each fork: the system call costs a microsecond."""

import os


class CurrentProcess:
    id = os.getpid()


def read_process_id() -> None:
    CurrentProcess.id = os.getpid()


os.register_at_fork(after_in_child=read_process_id)
