/* process.c: see process.h. */
#include "server/process.h"

#include "server/command.h"
#include "server/config.h"
#include "server/worker.h"
#include "shard/base/log.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Descriptors besides the clients': rings, eventfds, listeners, files. */
enum { FILES_RESERVED = 32, FILES_PER_THREAD = 4, FRAMES_MAX = 64 };

void server_shutdown_request(void) {
    kill(getpid(), SIGTERM);
}

void process_daemonize(void) {
    if (fork() != 0) _exit(0);
    setsid();
    int fd = open("/dev/null", O_RDWR);
    if (fd < 0) return;
    dup2(fd, STDIN_FILENO);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    if (fd > STDERR_FILENO) close(fd);
}

bool process_write_pidfile(const char *path) {
    FILE *f = fopen(path, "we");
    if (!f) {
        log_warning("Could not write the pid file %s: %s", path, strerror(errno));
        return false;
    }
    fprintf(f, "%d\n", (int)getpid());
    return fclose(f) == 0;
}

static void raise_memlock(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_MEMLOCK, &limit); /* what the rings really lack is reported where they are opened */
}

int64_t process_raise_limits(int64_t maxclients) {
    struct rlimit limit;
    raise_memlock();
    int64_t reserved = FILES_RESERVED + FILES_PER_THREAD * (int64_t)(workers_count + 1);
    rlim_t wanted = (rlim_t)(maxclients + reserved);
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return maxclients;
    if (limit.rlim_cur >= wanted) return maxclients;
    struct rlimit raised = {wanted, limit.rlim_max < wanted ? wanted : limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) return maxclients;
    raised = (struct rlimit){limit.rlim_max, limit.rlim_max};
    if (limit.rlim_max > limit.rlim_cur) setrlimit(RLIMIT_NOFILE, &raised);
    getrlimit(RLIMIT_NOFILE, &limit);
    int64_t allowed = (int64_t)limit.rlim_cur - reserved;
    if (allowed < 1) allowed = 1;
    log_warning("maxclients is %lld, but this process may open only %llu files: reduced to %lld. Raise the "
                "limit with "
                "'ulimit -n %llu', or LimitNOFILE in the unit.",
                (long long)maxclients, (unsigned long long)limit.rlim_cur, (long long)allowed,
                (unsigned long long)wanted);
    return allowed;
}

/* ---- crash report ---- */

static void crash_line(const char *line) {
    ssize_t ignored = write(log_descriptor(), line, strlen(line));
    (void)ignored;
}

/* Runs in a signal handler: nothing here allocates or locks (backtrace was used once before, so it is
 * loaded). */
static void report_crash(int signal_number, const siginfo_t *info) {
    void *frames[FRAMES_MAX];
    char line[256];
    snprintf(line, sizeof line, "\n=== GYRE CRASHED: signal %d, code %d, address %p, version %s ===\n",
             signal_number, info->si_code, info->si_addr, GYRE_VERSION);
    crash_line(line);
    backtrace_symbols_fd(frames, backtrace(frames, FRAMES_MAX), log_descriptor());
    for (unsigned i = 0; i < workers_count; i++) {
        const struct command *cmd =
            atomic_load_explicit(&worker_by_index(i)->last_command, memory_order_relaxed);
        snprintf(line, sizeof line, "shard %u: last command %s\n", i, cmd ? cmd->full_name : "none");
        crash_line(line);
    }
    crash_line("=== end of crash report ===\n");
}

static void on_crash(int signal_number, siginfo_t *info, void *context) {
    (void)context;
    if (config_get()->crash_log_enabled) report_crash(signal_number, info);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void handled_signals(sigset_t *set) {
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

void process_disable_huge_pages(void) {
    if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0)
        log_warning("disable-thp: the kernel refused: %s", strerror(errno));
}

void process_prepare_signals(void) {
    sigset_t set;
    void *frames[1];
    handled_signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    backtrace(frames, 1); /* loads what it needs now, not in the handler */
    struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_RESETHAND | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) sigaction(crashes[i], &action, NULL);
}

void process_wait(void) {
    sigset_t set;
    handled_signals(&set);
    for (;;) {
        int got = sigwaitinfo(&set, NULL);
        if (got == SIGHUP) {
            int error = log_reopen();
            if (error)
                log_warning("Could not reopen the log: %s", strerror(-error));
            else
                log_notice("Log reopened on SIGHUP");
        } else if (got == SIGTERM || got == SIGINT) {
            log_warning(got == SIGTERM ? "Received SIGTERM scheduling shutdown..."
                                       : "Received SIGINT scheduling shutdown...");
            return;
        }
    }
}

void process_notify(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || !*path || strlen(path) >= sizeof address.sun_path) return;
    memcpy(address.sun_path, path, strlen(path));
    size_t len = offsetof(struct sockaddr_un, sun_path) + strlen(path);
    if (*path == '@') address.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, (socklen_t)len) < 0)
        log_warning("Could not notify the service manager at %s: %s", path, strerror(errno));
    close(fd);
}
