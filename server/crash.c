/* crash.c: see crash.h. */
#include "server/crash.h"

#include "server/command.h"
#include "server/host.h"
#include "server/worker.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"

#include <execinfo.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { FRAMES_MAX = 64, LINE_MAX_BYTES = 256, STACK_BYTES = 64 * 1024 };

static _Atomic bool report_wanted = true;
static _Atomic int reporting_thread; /* 0: nobody crashed yet */

static void put(const char *line) {
    ssize_t ignored = write(log_descriptor(), line, strlen(line));
    (void)ignored;
}

static void put_cause(int number, const siginfo_t *info) {
    char line[LINE_MAX_BYTES], thread[17] = "";
    prctl(PR_GET_NAME, thread);
    put("\n=== GYRE BUG REPORT START: Cut & paste starting from here ===\n");
    snprintf(line, sizeof line, "Gyre %s crashed by signal: %d, si_code: %d, in thread %s\n", GYRE_VERSION,
             number, info->si_code, thread);
    put(line);
    if (info->si_code == SI_USER || info->si_code == SI_TKILL)
        snprintf(line, sizeof line, "Killed by PID: %ld, UID: %d\n", (long)info->si_pid, (int)info->si_uid);
    else
        snprintf(line, sizeof line, "Accessing address: %p\n", info->si_addr);
    put(line);
}

static void put_commands(void) {
    char line[LINE_MAX_BYTES];
    for (unsigned i = 0; i < workers_count; i++) {
        struct worker *w = worker_by_index(i);
        const struct command *cmd = atomic_load_explicit(&w->last_command, memory_order_relaxed);
        snprintf(line, sizeof line, "shard %u: last command %s, %u connections\n", i,
                 cmd ? cmd->full_name : "none", atomic_load_explicit(&w->connections, memory_order_relaxed));
        put(line);
    }
}

static void report(int number, const siginfo_t *info) {
    void *frames[FRAMES_MAX];
    put_cause(number, info);
    put("------ BACKTRACE ------\nAddresses are those of ");
    put(host_executable());
    put("\n");
    backtrace_symbols_fd(frames, backtrace(frames, FRAMES_MAX), log_descriptor());
    put("------ SHARDS ------\n");
    put_commands();
    put("=== GYRE BUG REPORT END ===\n");
}

static void on_crash(int number, siginfo_t *info, void *context) {
    int nobody = 0, self = (int)gettid();
    (void)context;
    if (atomic_compare_exchange_strong(&reporting_thread, &nobody, self)) {
        if (atomic_load(&report_wanted)) report(number, info);
    } else if (nobody != self) {
        for (;;) pause();
    }
    signal(number, SIG_DFL);
    raise(number);
}

void crash_set_report(bool wanted) {
    atomic_store(&report_wanted, wanted);
}

void crash_prepare_thread(void) {
    stack_t now, stack = {.ss_size = STACK_BYTES};
    if (sigaltstack(NULL, &now) != 0 || !(now.ss_flags & SS_DISABLE)) return; /* a sanitizer's */
    stack.ss_sp = mem_alloc(STACK_BYTES);
    if (sigaltstack(&stack, NULL) != 0) mem_free(stack.ss_sp);
}

void crash_prepare(void) {
    void *frames[1];
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    backtrace(frames, 1); /* loads what it needs now, not in the handler */
    sigemptyset(&action.sa_mask);
    crash_prepare_thread();
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) sigaction(crashes[i], &action, NULL);
}
