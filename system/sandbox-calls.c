/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The system calls that the program uses after its start. */

/*
 * What is listed is what the program and its libraries were seen to do in the tests, and what the
 * C library does instead on other systems or kernels. A call with a condition is allowed with
 * those arguments only; a call that the C library tries, and can do without, gets an error.
 */

#include "system/sandbox-calls.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "util/error.h"

/* Names that no macro of an older kernel's headers has. */
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

/* Newer than libseccomp's own tables may be: an unknown name is left out. */
static const char *const calls[] = {
    /* The loop, its threads and clocks. */
    "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll",
    "ppoll_time64", "select", "pselect6", "eventfd2", "pipe2", "pipe", "timerfd_create",
    "timerfd_settime", "timerfd_settime64", "timerfd_gettime", "timerfd_gettime64", "futex",
    "futex_time64", "set_robust_list", "rseq", "sched_yield", "sched_getaffinity", "membarrier",
    "restart_syscall", "clock_gettime", "clock_gettime64", "clock_getres", "clock_nanosleep",
    "nanosleep", "gettimeofday", "time", "set_tid_address", "sched_getattr",

    /* Signals, and the end. */
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "sigaltstack", "rt_sigpending",
    "exit", "exit_group", "wait4", "waitid",

    /* Memory; see also below. */
    "brk", "munmap", "mremap", "madvise", "mincore", "msync",

    /* Descriptors: frames, files, terminals. */
    "read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64",
    "pwritev", "pwritev2", "close",
    "close_range", "dup", "dup2", "dup3", "fcntl", "fcntl64", "lseek", "_llseek", "ftruncate",
    "ftruncate64", "fallocate", "fsync", "fdatasync", "fstat", "fstat64", "newfstatat",
    "fstatat64", "statx", "flock",

    /* Names of files: logs, dumps, sockets, links of ptys, what getaddrinfo() reads. */
    "open", "openat", "stat", "stat64", "lstat", "lstat64", "access", "faccessat", "faccessat2",
    "readlink", "readlinkat", "unlink", "unlinkat", "symlink", "symlinkat", "rename", "renameat",
    "renameat2", "chmod", "fchmod", "fchmodat", "chown", "fchown", "fchownat", "lchown", "umask",
    "getcwd", "chdir", "fchdir", "getdents", "getdents64", "statfs", "statfs64", "fstatfs",
    "fstatfs64", "inotify_init1", "inotify_add_watch", "inotify_rm_watch",

    /* Sockets; see also below. */
    "socketpair", "bind", "listen", "accept", "accept4", "connect", "shutdown", "getsockname",
    "getpeername", "getsockopt", "setsockopt", "send", "sendto", "sendmsg", "sendmmsg", "recv",
    "recvfrom", "recvmsg", "recvmmsg", "recvmmsg_time64", "socketcall",

    /* Who and where we are. */
    "getpid", "getppid", "gettid", "getuid", "geteuid", "getgid", "getegid", "getuid32",
    "geteuid32", "getgid32", "getegid32", "getgroups", "getgroups32", "getresuid", "getresgid",
    "getpgrp", "getpgid", "getsid", "getrandom", "uname", "sysinfo", "getrusage", "times",
    "getrlimit", "ugetrlimit", "setrlimit", "getcpu", "getpriority",
};

/** A call that is allowed if an argument is one of those. */
typedef struct SandboxCondition {
    const char *name;
    struct scmp_arg_cmp cmp;
} SandboxCondition;

/* With 32 bits, as the kernel looks at them. */
#define ARGUMENT(n, value) SCMP_CMP32(n, SCMP_CMP_EQ, (uint32_t)(value))
#define MASKED(n, mask, value) SCMP_CMP32(n, SCMP_CMP_MASKED_EQ, (uint32_t)(mask), \
                                          (uint32_t)(value))

static bool sandbox_rule(scmp_filter_ctx filter, uint32_t action, const char *name,
                         const struct scmp_arg_cmp *cmp, GError **error)
{
    int number = seccomp_syscall_resolve_name(name);
    int ret;

    if (number == __NR_SCMP_ERROR) {
        return true; /* unknown to this libseccomp: so is what it would allow */
    }
    ret = seccomp_rule_add_array(filter, action, number, cmp ? 1 : 0, cmp);
    return ret == 0 || error_set_errno(error, -ret, "-sandbox: cannot allow %s", name);
}

/* No memory can be written and carried out. */
static bool sandbox_allow_memory(scmp_filter_ctx filter, GError **error)
{
    static const char *const maps[] = { "mmap", "mmap2" };
    const int both = PROT_WRITE | PROT_EXEC;
    const struct scmp_arg_cmp map_cmps[] = {
        MASKED(2, both, 0), MASKED(2, both, PROT_WRITE), MASKED(2, both, PROT_EXEC),
    };
    const struct scmp_arg_cmp protect_cmp = MASKED(2, PROT_EXEC, 0);

    for (size_t i = 0; i < G_N_ELEMENTS(maps); i++) {
        for (size_t k = 0; k < G_N_ELEMENTS(map_cmps); k++) {
            if (!sandbox_rule(filter, SCMP_ACT_ALLOW, maps[i], &map_cmps[k], error)) {
                return false;
            }
        }
    }
    return sandbox_rule(filter, SCMP_ACT_ALLOW, "mprotect", &protect_cmp, error);
}

static bool sandbox_allow_conditions(scmp_filter_ctx filter, GError **error)
{
    const SandboxCondition conditions[] = {
        /* Threads of this process, of which lookups of names are some; no other process. */
#if defined(__s390__)
        { "clone", MASKED(1, CLONE_THREAD, CLONE_THREAD) },
#else
        { "clone", MASKED(0, CLONE_THREAD, CLONE_THREAD) },
#endif
        { "tgkill", ARGUMENT(0, getpid()) },
        { "prctl", ARGUMENT(0, PR_SET_NAME) },
        { "prctl", ARGUMENT(0, PR_GET_NAME) },
        { "prctl", ARGUMENT(0, PR_SET_VMA) },
        /* Limits of this process. */
        { "prlimit64", ARGUMENT(0, 0) },

        { "socket", ARGUMENT(0, AF_UNIX) },
        { "socket", ARGUMENT(0, AF_INET) },
        { "socket", ARGUMENT(0, AF_INET6) },
        { "socket", ARGUMENT(0, AF_VSOCK) },
        { "socket", ARGUMENT(0, AF_NETLINK) }, /* getaddrinfo() asks which addresses we have */

        { "ioctl", ARGUMENT(1, FIONREAD) },
        { "ioctl", ARGUMENT(1, FIONBIO) },
        { "ioctl", ARGUMENT(1, SIOCOUTQ) },
        { "ioctl", ARGUMENT(1, SIOCGIFINDEX) },
        { "ioctl", ARGUMENT(1, SIOCGIFNAME) },
        { "ioctl", ARGUMENT(1, SIOCGIFHWADDR) },
        { "ioctl", ARGUMENT(1, TCGETS) },
        { "ioctl", ARGUMENT(1, TCSETS) },
        { "ioctl", ARGUMENT(1, TCSETSW) },
        { "ioctl", ARGUMENT(1, TCSETSF) },
        { "ioctl", ARGUMENT(1, TIOCGWINSZ) },
        { "ioctl", ARGUMENT(1, TIOCGPTN) },
        { "ioctl", ARGUMENT(1, TIOCGPTPEER) },
        { "ioctl", ARGUMENT(1, TIOCSPTLCK) },
        { "ioctl", ARGUMENT(1, TIOCGPGRP) },
        { "ioctl", ARGUMENT(1, UFFDIO_API) },
        { "ioctl", ARGUMENT(1, UFFDIO_REGISTER) },
        { "ioctl", ARGUMENT(1, UFFDIO_UNREGISTER) },
        { "ioctl", ARGUMENT(1, UFFDIO_WAKE) },
        { "ioctl", ARGUMENT(1, TUNGETIFF) },
        { "ioctl", ARGUMENT(1, TUNSETOFFLOAD) },
        { "ioctl", ARGUMENT(1, TUNSETSNDBUF) },
        { "ioctl", ARGUMENT(1, TUNSETVNETHDRSZ) },
        { "ioctl", ARGUMENT(1, TUNSETVNETLE) },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(conditions); i++) {
        if (!sandbox_rule(filter, SCMP_ACT_ALLOW, conditions[i].name, &conditions[i].cmp, error)) {
            return false;
        }
    }
    return true;
}

/*
 * Postcopy of vhost-user waits for pages. A userfaultfd that stops the kernel, too, helps those who
 * attack it; a kernel that knows no other has none for us.
 */
static bool sandbox_allow_page_faults(scmp_filter_ctx filter, GError **error)
{
    const struct scmp_arg_cmp own = MASKED(0, UFFD_USER_MODE_ONLY, UFFD_USER_MODE_ONLY);
    const struct scmp_arg_cmp all = MASKED(0, UFFD_USER_MODE_ONLY, 0);

    return sandbox_rule(filter, SCMP_ACT_ALLOW, "userfaultfd", &own, error) &&
           sandbox_rule(filter, SCMP_ACT_ERRNO(EPERM), "userfaultfd", &all, error);
}

/* No other process can be signalled: with a descriptor of /proc/PID anybody could be. */
static bool sandbox_allow_signals(scmp_filter_ctx filter, int program_fd, GError **error)
{
    const struct scmp_arg_cmp cmp = ARGUMENT(0, program_fd);

    return program_fd < 0 ||
           sandbox_rule(filter, SCMP_ACT_ALLOW, "pidfd_send_signal", &cmp, error);
}

bool sandbox_calls_allow(scmp_filter_ctx filter, int program_fd, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(calls); i++) {
        if (!sandbox_rule(filter, SCMP_ACT_ALLOW, calls[i], NULL, error)) {
            return false;
        }
    }
    /* Its flags are out of the filter's sight; the C library uses clone() then. */
    return sandbox_rule(filter, SCMP_ACT_ERRNO(ENOSYS), "clone3", NULL, error) &&
           sandbox_allow_memory(filter, error) && sandbox_allow_conditions(filter, error) &&
           sandbox_allow_page_faults(filter, error) &&
           sandbox_allow_signals(filter, program_fd, error);
}
