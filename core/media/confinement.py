"""Removes from this process, for good, all rights that reading one open file does not need.

Landlock takes all files and networks, seccomp all system calls but those for memory, time and the
open descriptors. Used by the processes that read files of users, after their imports: then they
can open no file, start no process, connect to nothing and signal nobody, even if the file takes
over the decoder. Where the kernel lacks a layer the others hold; `signalpost doctor` names them.

Source: kernel.org, userspace-api/landlock and userspace-api/seccomp_filter, read 2026-11-29. No
maintained package of wheels offers both without a library of the system.
"""

import ctypes
import errno
import json
import os
import platform
import resource
import sys

from core.media.system_calls import ALLOWED_CALL_NUMBERS, AUDIT_ARCHITECTURES, CLONE_CALL_NUMBERS

RESOURCE_LIMITS = {
    resource.RLIMIT_CPU: 10,  # seconds
    resource.RLIMIT_AS: 2**30,  # bytes; mapping FFmpeg's libraries takes a quarter of it
    resource.RLIMIT_FSIZE: 0,  # bytes; it may write no file
    resource.RLIMIT_CORE: 0,
}

PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 4, 22, 38
SECCOMP_MODE_FILTER = 2
SECCOMP_ALLOW, SECCOMP_KILL, SECCOMP_REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM
SECCOMP_NOT_IMPLEMENTED = 0x00050000 | errno.ENOSYS
BPF_LOAD, BPF_JUMP_IF_EQUAL, BPF_JUMP_IF_SET, BPF_RETURN = 0x20, 0x15, 0x45, 0x06
CALL_NUMBER_OFFSET, ARCHITECTURE_OFFSET, FIRST_ARGUMENT_OFFSET = 0, 4, 16  # of seccomp_data
CLONE_THREAD = 0x00010000
CLONE3_CALL = 435  # its flags lie in memory that a filter cannot read

CREATE_RULESET_CALL, RESTRICT_SELF_CALL = 444, 446  # the same on all architectures
CREATE_RULESET_VERSION = 1
FILE_RIGHTS_BY_ABI = {1: 2**13 - 1, 2: 2**14 - 1, 3: 2**15 - 1, 5: 2**16 - 1}
NETWORK_ABI, SCOPE_ABI = 4, 6
BIND_AND_CONNECT, ABSTRACT_SOCKETS_AND_SIGNALS = 3, 3

NOBODY_ID = 65534

libc = ctypes.CDLL(None, use_errno=True)


class BpfInstruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("jump_true", ctypes.c_ubyte),
        ("jump_false", ctypes.c_ubyte),
        ("value", ctypes.c_uint),
    )


class BpfProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(BpfInstruction)))


def confine_process() -> list[str]:
    """Confine this process and return the names of the layers that hold. Cannot be undone."""
    limit_resources()
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    layers = {
        "Landlock": restrict_files(),
        "own user": drop_root(),
        "seccomp": filter_system_calls(),  # last: it refuses what the others need
    }
    return ["limits", *(name for name, holds in layers.items() if holds)]


def limit_resources() -> None:
    for resource_id, maximum in RESOURCE_LIMITS.items():
        resource.setrlimit(resource_id, (maximum, maximum))


def restrict_files() -> bool:
    """Give up all rights on files, TCP and other processes. Return whether the kernel did it."""
    abi = libc.syscall(CREATE_RULESET_CALL, None, ctypes.c_size_t(0), CREATE_RULESET_VERSION)
    if abi < 1:
        return False
    rights = [max(value for first, value in FILE_RIGHTS_BY_ABI.items() if first <= abi)]
    rights += [BIND_AND_CONNECT] if abi >= NETWORK_ABI else []
    rights += [ABSTRACT_SOCKETS_AND_SIGNALS] if abi >= SCOPE_ABI else []
    attributes = (ctypes.c_uint64 * len(rights))(*rights)
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    ruleset = libc.syscall(CREATE_RULESET_CALL, ctypes.byref(attributes), size, 0)
    if ruleset < 0:
        return False
    holds: bool = libc.syscall(RESTRICT_SELF_CALL, ruleset, 0) == 0
    os.close(ruleset)
    return holds


def drop_root() -> bool:
    """Become a user without rights, if this process is root's. Return whether it is nobody now."""
    if os.geteuid() != 0:
        return False
    try:
        os.setgroups([])
        os.setresgid(NOBODY_ID, NOBODY_ID, NOBODY_ID)
        os.setresuid(NOBODY_ID, NOBODY_ID, NOBODY_ID)
    except OSError:
        return False
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    return True


def filter_system_calls() -> bool:
    """Refuse all system calls but the allowed ones. Return whether the kernel does so."""
    machine = platform.machine()
    if machine not in AUDIT_ARCHITECTURES:
        return False
    instructions = build_filter(machine)
    array = (BpfInstruction * len(instructions))(*instructions)
    program = BpfProgram(len(instructions), array)
    result: int = libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)
    return result == 0


def build_filter(machine: str) -> list[BpfInstruction]:
    """Return a program of the kernel's filter language for this architecture.

    A refused call fails with EPERM, so that Python can say what failed. Threads may be started,
    because decoders use them; processes may not.
    """
    allow, refuse = BpfInstruction(BPF_RETURN, 0, 0, SECCOMP_ALLOW), SECCOMP_REFUSE
    program = [
        BpfInstruction(BPF_LOAD, 0, 0, ARCHITECTURE_OFFSET),
        BpfInstruction(BPF_JUMP_IF_EQUAL, 1, 0, AUDIT_ARCHITECTURES[machine]),
        BpfInstruction(BPF_RETURN, 0, 0, SECCOMP_KILL),
        BpfInstruction(BPF_LOAD, 0, 0, CALL_NUMBER_OFFSET),
    ]
    for number in ALLOWED_CALL_NUMBERS[machine]:
        program += [BpfInstruction(BPF_JUMP_IF_EQUAL, 0, 1, number), allow]
    return [
        *program,
        BpfInstruction(BPF_JUMP_IF_EQUAL, 0, 1, CLONE3_CALL),
        BpfInstruction(BPF_RETURN, 0, 0, SECCOMP_NOT_IMPLEMENTED),  # then libc uses clone
        BpfInstruction(BPF_JUMP_IF_EQUAL, 0, 3, CLONE_CALL_NUMBERS[machine]),
        BpfInstruction(BPF_LOAD, 0, 0, FIRST_ARGUMENT_OFFSET),
        BpfInstruction(BPF_JUMP_IF_SET, 0, 1, CLONE_THREAD),
        allow,
        BpfInstruction(BPF_RETURN, 0, 0, refuse),
    ]


if __name__ == "__main__":
    # The encoder is loaded before: afterwards no module can be read.
    encode = json.JSONEncoder().encode
    sys.stdout.write(encode(confine_process()))
