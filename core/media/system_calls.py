"""Numbers of the system calls that a process needs to read one open file and to print a result.

Source: Linux, arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h, read
2026-11-29. No call opens a file, makes a socket, starts a process or reaches another one.
"""

AUDIT_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
CLONE_CALL_NUMBERS = {"x86_64": 56, "aarch64": 220}

# name → number on x86_64, number on aarch64
ALLOWED_CALLS = {
    "read": (0, 63),
    "write": (1, 64),
    "readv": (19, 65),
    "writev": (20, 66),
    "pread64": (17, 67),
    "lseek": (8, 62),
    "fstat": (5, 80),
    "close": (3, 57),
    "mmap": (9, 222),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "mprotect": (10, 226),
    "madvise": (28, 233),
    "brk": (12, 214),
    "futex": (202, 98),
    "set_robust_list": (273, 99),
    "rseq": (334, 293),
    "gettid": (186, 178),
    "getpid": (39, 172),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "sysinfo": (99, 179),
    "getrandom": (318, 278),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "gettimeofday": (96, 169),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
ALLOWED_CALL_NUMBERS = {
    "x86_64": tuple(numbers[0] for numbers in ALLOWED_CALLS.values()),
    "aarch64": tuple(numbers[1] for numbers in ALLOWED_CALLS.values()),
}
