"""A process that reads a user's file can do nothing but read it, even if the file takes it over.

Each attempt to escape is made twice in a real process: confined, and as control unconfined.
"""

import json
import os
import socket
import subprocess
import sys

import pytest

from core.media import confinement, inspection, system_calls

CANARY = "canary-9f3b1c"
ATTEMPTS = {
    "reads the parent's environment": "open(f'/proc/{parent}/environ', 'rb').read(1)",
    "reads a file of the system": "open('/etc/passwd').read()",
    "lists a folder": "os.listdir('/')",
    "asks about a file": "os.stat('/etc/passwd')",
    "opens the memory of the parent": "open(f'/proc/{parent}/mem', 'rb')",
    "writes a file": "open(folder + '/written', 'x')",
    "connects over TCP": "socket.create_connection(('127.0.0.1', port))",
    "opens a socket for datagrams": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "opens a local socket": "socket.socketpair()",
    "forks": "os.fork() or os._exit(0)",
    "starts a program": "os.posix_spawn('/bin/true', ['true'], {})",
    "signals the parent": "os.kill(parent, 0)",
    "traces the parent": "check(libc.ptrace(16, parent, 0, 0))",
    "reads the memory of the parent": "check(libc.process_vm_readv(parent, 0, 0, 0, 0, 0))",
    "makes a key": "check(libc.syscall(250, 0, 0))",
    "makes a ring of system calls": "check(libc.syscall(425, 8, ctypes.create_string_buffer(120)))",
    "starts a process in the new way": "check(libc.syscall(435, 0, 0))",
    "makes a file in memory": "os.memfd_create('x')",
    "takes hold of the parent": "os.pidfd_open(parent)",
    "opens an abstract socket": "socket.socket(socket.AF_UNIX).bind('\\0' + str(os.getpid()))",
    "opens its own memory": "open('/proc/self/mem', 'rb')",
    "truncates the file": "os.ftruncate(0, 0)",
    "changes its limits": "resource.setrlimit(resource.RLIMIT_CPU, (5, 5))",
}
PROGRAM = """
import ctypes, encodings.idna, json, os, resource, socket, sys
from core.media import confinement
parent, port, folder = os.getppid(), int(sys.argv[2]), sys.argv[3]
libc = ctypes.CDLL(None, use_errno=True)
def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
encode = json.JSONEncoder().encode
layers = confinement.confine_process() if sys.argv[1] == "confined" else []
outcomes = {}
for name, attempt in json.loads(sys.stdin.read()).items():
    try:
        eval(attempt)
        outcomes[name] = "done"
    except (OSError, ValueError) as error:
        outcomes[name] = type(error).__name__
print(encode([layers, outcomes, sys.stdin.read()]))
"""


@pytest.fixture
def listening_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def run_attempts(mode, port, folder, attempts=ATTEMPTS):
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM, mode, str(port), str(folder)],
        cwd=inspection.PROJECT_ROOT,
        env={"CANARY": CANARY},
        input=json.dumps(attempts),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.stdout, process.stderr
    layers, outcomes, _ = json.loads(process.stdout.splitlines()[-1])
    return layers, outcomes


needs_kernel = pytest.mark.skipif(
    not {"Landlock", "seccomp"} <= set(inspection.confinement_layers()),
    reason="this kernel offers neither Landlock nor seccomp",
)


@needs_kernel
def test_a_confined_process_opens_starts_reaches_and_signals_nothing(listening_port, tmp_path):
    layers, outcomes = run_attempts("confined", listening_port, tmp_path)
    assert {"limits", "Landlock", "seccomp"} <= set(layers)
    assert {name for name, outcome in outcomes.items() if outcome == "done"} == set()
    assert list(tmp_path.iterdir()) == []


def test_the_same_attempts_succeed_without_confinement(listening_port, tmp_path):
    attempts = {
        name: attempt
        for name, attempt in ATTEMPTS.items()
        if "libc" not in attempt
        and "/mem" not in attempt  # these need rights of root
        and "ftruncate" not in attempt  # the input of this test is a pipe
    }
    _, outcomes = run_attempts("free", listening_port, tmp_path, attempts)
    assert set(outcomes.values()) == {"done"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_process_of_root_becomes_nobody(listening_port, tmp_path):
    layers, _ = run_attempts("confined", listening_port, tmp_path, {})
    assert "own user" in layers


@needs_kernel
@pytest.mark.parametrize("layer", ["restrict_files", "filter_system_calls"])
def test_each_layer_alone_keeps_the_parents_secrets(layer, listening_port, tmp_path):
    program = PROGRAM.replace("confinement.confine_process()", f"[confinement.{layer}()]")
    program = program.replace("layers =", "libc.prctl(38, 1, 0, 0, 0); layers =")
    process = subprocess.run(
        [sys.executable, "-c", program, "confined", str(listening_port), str(tmp_path)],
        cwd=inspection.PROJECT_ROOT,
        env={},
        input=json.dumps({name: ATTEMPTS[name] for name in list(ATTEMPTS)[:3]}),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    layers, outcomes, _ = json.loads(process.stdout)
    assert layers == [True]
    assert set(outcomes.values()) == {"PermissionError"}


@pytest.mark.parametrize(
    ("statement", "error_name"),
    [
        ("bytearray(2**31)", "MemoryError"),
        ("open('x', 'w').write('x' * 9**6)", "OSError"),
        ("1", ""),
    ],
)
def test_a_confined_process_has_little_memory_and_cannot_write(statement, error_name, tmp_path):
    code = f"from core.media.confinement import limit_resources; limit_resources(); {statement}"
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(inspection.PROJECT_ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert error_name in process.stderr
    assert (process.returncode == 0) == (error_name == "")


def test_the_tables_of_system_calls_name_no_number_twice():
    for numbers in system_calls.ALLOWED_CALL_NUMBERS.values():
        assert len(set(numbers)) == len(numbers)
        assert not {confinement.CLONE3_CALL, *system_calls.CLONE_CALL_NUMBERS.values()} <= set(
            numbers
        )
    assert set(system_calls.ALLOWED_CALL_NUMBERS) == set(system_calls.AUDIT_ARCHITECTURES)
