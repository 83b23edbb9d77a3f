/* main.c: puts the server together, starts its threads, waits for its end, takes it apart.
 *
 * The order at start: configuration; what needs the process to itself (daemon, limits, signals); the data
 * structures that never change (slices, workers, commands); the listening sockets, so that an address in use
 * is reported before anything runs; the threads; the banner. The order at the end is the reverse. The main
 * thread itself only waits for signals.
 */
#include "repl/coordinator.h"
#include "server/banner.h"
#include "server/command.h"
#include "server/config_load.h"
#include "server/info.h"
#include "server/listener.h"
#include "server/process.h"
#include "server/statistics.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"
#include "shard/rt/cpus.h"
#include "shard/type/types.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { WHY_MAX = 512 };

static struct coordinator coordinator;
static struct cpu_list cpus;
static sem_t starting; /* posted by each thread when it serves, or has failed */
static _Atomic bool start_failed;
static char start_why[WHY_MAX];

/* ---- threads ---- */

static void fail_start(const char *why) {
    if (!atomic_exchange(&start_failed, true)) snprintf(start_why, sizeof start_why, "%s", why);
    sem_post(&starting);
}

static void worker_started(struct worker *w) {
    (void)w;
    sem_post(&starting);
}

static void *worker_body(void *arg) {
    struct worker *w = arg;
    char why[WHY_MAX];
    if (cpus.count) cpus_pin_thread(cpus.cpu[w->thread.index % cpus.count]);
    if (!worker_run(w, worker_started, why, sizeof why)) fail_start(why);
    return NULL;
}

static void coordinator_started(struct coordinator *c) {
    info_facts(); /* notes the time and the memory of the start */
    listeners_start(c);
    sem_post(&starting);
}

static void coordinator_beat(struct coordinator *c) {
    clock_follow_wall();
    mem_peak_note();
    listeners_beat(c);
    info_sample();
}

static void *coordinator_body(void *arg) {
    char why[WHY_MAX];
    if (!coordinator_run(arg, why, sizeof why)) fail_start(why);
    return NULL;
}

static void start_thread(pthread_t *thread, void *(*body)(void *), void *arg) {
    int error = pthread_create(thread, NULL, body, arg);
    if (error) {
        log_warning("Could not make a thread: %s", strerror(error));
        exit(1);
    }
    while (sem_wait(&starting) != 0) {
    }
    if (!atomic_load(&start_failed)) return;
    log_warning("Cannot start: %s", start_why);
    fprintf(stderr, "gyre-server: cannot start: %s\n", start_why);
    exit(1);
}

static void stop_threads(pthread_t *threads, pthread_t coordinator_thread) {
    atomic_store(&coordinator.stop, true);
    ring_wake_from_outside(coordinator.thread.ring);
    pthread_join(coordinator_thread, NULL);
    for (unsigned i = 0; i < workers_count; i++) {
        atomic_store(&worker_by_index(i)->stop, true);
        worker_poke_from_outside(worker_by_index(i));
    }
    for (unsigned i = 0; i < workers_count; i++) pthread_join(threads[i], NULL);
}

/* ---- start ---- */

static void load_configuration(int argc, char **argv, struct config_load *load) {
    switch (config_load(argc, argv, load)) {
    case CONFIG_RUN: break;
    case CONFIG_EXIT: fputs(load->message.data, stdout); exit(0);
    case CONFIG_FAILED: fputs(load->message.data, stderr); exit(1);
    }
}

static void become_process(const struct config *config, const struct config_load *load) {
    if (config->daemonize) process_daemonize();
    int error = log_open(config->logfile);
    if (error) {
        fprintf(stderr, "gyre-server: cannot open the log file '%s': %s\n", config->logfile,
                strerror(-error));
        exit(1);
    }
    log_set_level((enum log_level)config->loglevel);
    config_load_log(load);
    process_prepare_signals();
    if (config->disable_thp) process_disable_huge_pages();
}

static uint64_t random_seed_from_system(void) {
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed) seed = clock_mono_ns() ^ (uint64_t)getpid() << 32;
    return seed;
}

static void choose_cpus(const struct config *config, unsigned *shards) {
    if (*config->server_cpulist && !cpus_parse(config->server_cpulist, &cpus))
        log_warning("server-cpulist '%s' is not understood (example: 0-3,6): threads are not pinned",
                    config->server_cpulist);
    unsigned usable = cpus.count ? cpus.count : cpus_usable();
    *shards = config->shards ? (unsigned)config->shards : usable;
    if (*shards > THREADS_MAX - 1) *shards = THREADS_MAX - 1;
}

static void make_server(const struct config *config) {
    unsigned shards;
    char why[WHY_MAX];
    choose_cpus(config, &shards);
    table_set_seed(random_seed_from_system());
    slices_create(shards, (unsigned)config->databases);
    workers_create(shards);
    listeners_set_maxclients(process_raise_limits(config->maxclients));
    if (listeners_open(config, why, sizeof why)) return;
    log_warning("Failed to start: %s", why);
    if (*config->logfile) fprintf(stderr, "gyre-server: %s\n", why);
    exit(1);
}

/* While no connection is accepted yet: afterwards a CONFIG SET may free this snapshot. */
static void introduce(const struct config *config) {
    struct ring_features features = ring_features(worker_by_index(0)->thread.ring);
    banner_print(config, &features);
}

static void announce(void) {
    char state[96];
    log_notice("Ready to accept connections");
    snprintf(state, sizeof state, "READY=1\nMAINPID=%d\nSTATUS=Ready to accept connections", (int)getpid());
    process_notify(state);
}

int main(int argc, char **argv) {
    struct config_load load = {0};
    clock_init();
    slot_init();
    commands_init();
    types_register();
    config_init();
    listeners_register_hooks();
    config_reset_statistics = statistics_reset_all;
    load_configuration(argc, argv, &load);
    const struct config *config = config_get();
    become_process(config, &load);
    config_load_free(&load);
    make_server(config);
    /* What is asked for explicitly is written even in the foreground, as Redis does. */
    const char *pidfile = *config->pidfile ? config->pidfile : config->daemonize ? "/var/run/redis.pid" : "";
    char *pidfile_path = mem_strdup(pidfile);
    if (*pidfile_path) process_write_pidfile(pidfile_path);

    pthread_t *threads = mem_zalloc(workers_count * sizeof *threads), coordinator_thread;
    sem_init(&starting, 0, 0);
    for (unsigned i = 0; i < workers_count; i++) start_thread(&threads[i], worker_body, worker_by_index(i));
    introduce(config);
    coordinator = (struct coordinator){
        .started = coordinator_started, .completion = listeners_completion, .beat = coordinator_beat};
    coordinator.thread.index = (uint16_t)workers_count;
    snprintf(coordinator.thread.name, sizeof coordinator.thread.name, "gyre-coord");
    start_thread(&coordinator_thread, coordinator_body, &coordinator);
    announce();

    process_wait();
    process_notify("STOPPING=1");
    log_notice("User requested shutdown...");
    stop_threads(threads, coordinator_thread);
    listeners_close();
    if (*pidfile_path) unlink(pidfile_path);
    mem_free(pidfile_path);
    mem_free(threads);
    log_warning("Gyre is now ready to exit, bye bye...");
    return 0;
}
