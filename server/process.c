/* process.c: see process.h. */
#include "server/process.h"

#include "server/config.h"
#include "server/crash.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Descriptors besides the clients': rings, eventfds, listeners, files. */
enum { FILES_RESERVED = 32, FILES_PER_THREAD = 4 };

static _Atomic unsigned how_on_sigint, how_on_sigterm; /* bits of enum config_shutdown */
static char *pidfile;

/* ---- the background ---- */

void process_daemonize(void) {
    pid_t child = fork();
    if (child < 0) {
        fprintf(stderr, "gyre-server: cannot go to the background: %s\n", strerror(errno));
        exit(1);
    }
    if (child > 0) _exit(0);
    setsid();
    int fd = open("/dev/null", O_RDWR);
    if (fd < 0) return;
    dup2(fd, STDIN_FILENO);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    if (fd > STDERR_FILENO) close(fd);
}

void process_write_pidfile(const char *path) {
    ASSERT(!pidfile);
    FILE *f = fopen(path, "we");
    bool written = f && fprintf(f, "%d\n", (int)getpid()) > 0;
    if (f && fclose(f) != 0) written = false;
    if (written)
        pidfile = mem_strdup(path);
    else
        log_warning("Failed to write PID file '%s': %s", path, strerror(errno));
}

void process_remove_pidfile(void) {
    if (!pidfile) return;
    log_notice("Removing the pid file.");
    unlink(pidfile);
    mem_free(pidfile);
    pidfile = NULL;
}

/* ---- limits ---- */

void process_raise_locked_memory(unsigned rings) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0) return;
    struct rlimit raised = {limit.rlim_max, limit.rlim_max};
    if (setrlimit(RLIMIT_MEMLOCK, &raised) == 0) limit = raised;
    if (limit.rlim_cur != RLIM_INFINITY) ring_fit_memory(rings, limit.rlim_cur);
}

/* Raises the limit of open files to `wanted`, or as far as it goes; returns what it is then. */
static rlim_t raise_files(rlim_t wanted, int *error) {
    struct rlimit limit;
    *error = 0;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return wanted;
    if (limit.rlim_cur >= wanted) return limit.rlim_cur;
    struct rlimit raised = {wanted, limit.rlim_max < wanted ? wanted : limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) return wanted;
    *error = errno;
    raised = (struct rlimit){limit.rlim_max, limit.rlim_max};
    if (limit.rlim_max > limit.rlim_cur && setrlimit(RLIMIT_NOFILE, &raised) == 0) return limit.rlim_max;
    return limit.rlim_cur;
}

int64_t process_raise_limits(int64_t maxclients) {
    int64_t reserved = FILES_RESERVED + FILES_PER_THREAD * (int64_t)(workers_count + 1);
    rlim_t wanted = (rlim_t)(maxclients + reserved);
    int error;
    rlim_t files = raise_files(wanted, &error);
    if (files >= wanted) return maxclients;
    int64_t allowed = (int64_t)files - reserved;
    log_warning("You requested maxclients of %lld requiring at least %llu max file descriptors.",
                (long long)maxclients, (unsigned long long)wanted);
    log_warning("Server can't set maximum open files to %llu because of OS error: %s.",
                (unsigned long long)wanted, strerror(error));
    if (allowed > 0)
        log_warning("Current maximum open files is %llu, enough for maxclients %lld. If you need higher "
                    "maxclients increase 'ulimit -n', or LimitNOFILE in the service's unit.",
                    (unsigned long long)files, (long long)allowed);
    else
        log_warning("Your current 'ulimit -n' of %llu is not enough for the server to start. Please increase "
                    "your open file limit to at least %llu.",
                    (unsigned long long)files, (unsigned long long)wanted);
    return allowed;
}

/* Only where the kernel would use them unasked, as redis-server does. */
void process_disable_huge_pages(void) {
    if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0)
        log_warning("disable-thp: the kernel refused: %s", strerror(errno));
}

/* ---- the end ---- */

bool server_shutdown_request(unsigned how) {
    /* To the main thread, told from a signal of the outside by its code. */
    return sigqueue(getpid(), SIGTERM, (union sigval){.sival_int = (int)how}) == 0;
}

static bool apply_shutdown(const struct config *before, const struct config *after, char *why) {
    (void)before;
    (void)why;
    atomic_store(&how_on_sigint, (unsigned)after->shutdown_on_sigint);
    atomic_store(&how_on_sigterm, (unsigned)after->shutdown_on_sigterm);
    return true;
}

static bool apply_crash_report(const struct config *before, const struct config *after, char *why) {
    (void)before;
    (void)why;
    crash_set_report(after->crash_log_enabled);
    return true;
}

static void handled_signals(sigset_t *set) {
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

void process_prepare(const struct config *config) {
    static const struct config_hook hooks[] = {{"shutdown-on-sigint", apply_shutdown},
                                               {"shutdown-on-sigterm", apply_shutdown},
                                               {"crash-log-enabled", apply_crash_report},
                                               {NULL, NULL}};
    sigset_t set;
    apply_shutdown(NULL, config, NULL);
    apply_crash_report(NULL, config, NULL);
    config_register_hooks(hooks);
    handled_signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void reopen_log(void) {
    int error = log_reopen();
    if (error)
        log_warning("Could not reopen the log: %s", strerror(-error));
    else
        log_notice("Log reopened on SIGHUP");
}

/* How to end, by this signal. */
static unsigned end_by(const siginfo_t *info) {
    if (info->si_code == SI_QUEUE && info->si_pid == getpid()) /* server_shutdown_request */
        return (unsigned)info->si_value.sival_int;
    bool is_int = info->si_signo == SIGINT;
    log_warning(is_int ? "Received SIGINT scheduling shutdown..."
                       : "Received SIGTERM scheduling shutdown...");
    return atomic_load(is_int ? &how_on_sigint : &how_on_sigterm);
}

unsigned process_wait(void) {
    sigset_t set;
    siginfo_t info;
    handled_signals(&set);
    for (;;) {
        int got = sigwaitinfo(&set, &info);
        if (got == SIGHUP)
            reopen_log();
        else if (got == SIGTERM || got == SIGINT)
            return end_by(&info);
    }
}

void process_forget_requests(void) {
    const struct timespec at_once = {0};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    while (sigtimedwait(&set, NULL, &at_once) > 0) {
    }
}

static int last_word_fd; /* the log: it keeps its descriptor */

static void exit_at_once(int number) {
    static const char line[] = "You insist... exiting now.\n";
    ssize_t ignored = write(last_word_fd, line, sizeof line - 1);
    (void)ignored;
    (void)number;
    _exit(1);
}

void process_end_on_insistence(bool on) {
    sigset_t set;
    last_word_fd = log_descriptor();
    signal(SIGINT, on ? exit_at_once : SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    pthread_sigmask(on ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}
