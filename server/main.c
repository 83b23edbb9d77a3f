/* main.c: puts the server together, starts its threads, waits for its end, takes it apart.
 *
 * The order at start: configuration; what needs the process to itself (daemon, limits, signals); the data
 * structures that never change (slices, workers, commands); the listening sockets, so that an address in use
 * is reported before anything runs; the threads; the banner. The order at the end is the reverse. The main
 * thread itself only waits for signals.
 */
#include "repl/coordinator.h"
#include "repl/link.h"
#include "repl/replicas.h"
#include "server/aof.h"
#include "server/banner.h"
#include "server/check.h"
#include "server/command.h"
#include "server/config.h"
#include "server/config_load.h"
#include "server/crash.h"
#include "server/follow.h"
#include "server/info.h"
#include "server/listener.h"
#include "server/oom_score.h"
#include "server/persistence.h"
#include "server/process.h"
#include "server/replication.h"
#include "server/shutdown.h"
#include "server/statistics.h"
#include "server/supervise.h"
#include "server/title.h"
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

enum { WHY_MAX = 512, IDENT_MAX = 256, NUMBER_MAX = 24 };

/* Where one is written in the background and no other place is named. redis-server's would be
 * /var/run/redis.pid: two servers on one machine must not take each other's. */
#define DEFAULT_PIDFILE "/var/run/gyre.pid"

static struct coordinator coordinator;
static struct cpu_list cpus;
static sem_t starting; /* posted by each thread when it serves, or has failed */
static _Atomic bool start_failed;
static char start_why[WHY_MAX];
static bool log_is_file;

/* Says why in the log and to whoever started it, once where both are the same, and ends. */
static void fail(const char *why) {
    log_warning("Cannot start: %s", why);
    if (log_is_file) fprintf(stderr, "gyre-server: cannot start: %s\n", why);
    process_remove_pidfile();
    exit(1);
}

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
    crash_prepare_thread();
    if (cpus.count) cpus_pin_thread(cpus.cpu[w->thread.index % cpus.count]);
    if (!worker_run(w, worker_started, why, sizeof why)) fail_start(why);
    return NULL;
}

static bool is_ready, is_open; /* the coordinator's: nothing is left to load; clients may come */
static bool ready_at_once; /* there was nothing to load, or not for long; read by main when it may be open */

static void loading_begun(void) {
    is_open = true;
    ready_at_once = is_ready;
    listeners_start(&coordinator);
    sem_post(&starting);
}

/* Said by the main thread where it is still waiting for the start, since a log may take its time; otherwise by the
 * coordinator. */
static void say_ready(void) {
    log_notice("Ready to accept connections");
    supervise_ready();
}

static void data_ready(void) {
    is_ready = true;
    follow_start();
    if (is_open) say_ready();
}

static void coordinator_started(struct coordinator *c) {
    info_facts(); /* notes the time and the memory of the start */
    replication_start(c);
    persistence_start(c, loading_begun, data_ready);
}

static void coordinator_turn(struct coordinator *c) {
    aof_turn(c); /* merges the stream */
    replication_turn(c);
    shutdown_turn(c);
}

static void coordinator_completion(struct coordinator *c, const struct completion *done) {
    if (!replicas_completion(c, done) && !link_completion(c, done)) listeners_completion(c, done);
}

static void coordinator_beat(struct coordinator *c) {
    clock_follow_wall();
    mem_peak_note();
    if (is_open) listeners_beat(c);
    persistence_beat(c);
    aof_beat(c);
    replication_beat(c);
    info_sample();
}

static void *coordinator_body(void *arg) {
    char why[WHY_MAX];
    crash_prepare_thread();
    if (!coordinator_run(arg, why, sizeof why)) fail_start(why);
    return NULL;
}

static void start_thread(pthread_t *thread, void *(*body)(void *), void *arg) {
    int error = pthread_create(thread, NULL, body, arg);
    if (error) {
        snprintf(start_why, sizeof start_why, "a thread could not be made: %s", strerror(error));
        fail(start_why);
    }
    while (sem_wait(&starting) != 0) {
    }
    if (atomic_load(&start_failed)) fail(start_why);
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

static void open_log(const struct config *config) {
    int error = log_open(config->logfile);
    if (error) {
        fprintf(stderr, "gyre-server: cannot open the log file '%s': %s\n", config->logfile,
                strerror(-error));
        exit(1);
    }
    log_is_file = *config->logfile;
    log_set_level((enum log_level)config->loglevel);
    static char ident[IDENT_MAX]; /* syslog keeps the pointer */
    snprintf(ident, sizeof ident, "%s", config->syslog_ident);
    if (config->syslog_enabled) log_to_syslog(ident, (unsigned)config->syslog_facility);
}

/* What needs the process to itself: before any thread or data exists. What is asked for explicitly is written
 * even in the foreground, as Redis does. */
static void become_process(const struct config_load *load) {
    const struct config *config = config_get();
    open_log(config);
    bool background = !supervise_detect(config->supervised) && config->daemonize;
    if (background) process_daemonize();
    if (background && !*config->pidfile) config_override("pidfile", DEFAULT_PIDFILE);
    config = config_get();
    config_load_log(load);
    supervise_starting();
    crash_prepare();
    process_prepare(config);
    if (config->disable_thp) process_disable_huge_pages();
    oom_score_prepare(config);
    title_show(config);
    if (*config->pidfile) process_write_pidfile(config->pidfile);
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

/* The number of clients that the limit of open files allows. */
static void limit_clients(void) {
    char number[NUMBER_MAX];
    int64_t wanted = config_get()->maxclients, allowed = process_raise_limits(wanted);
    if (allowed <= 0) fail("too few open files are allowed (see the log)");
    snprintf(number, sizeof number, "%lld", (long long)allowed);
    if (allowed < wanted) config_override("maxclients", number);
    listeners_set_maxclients(allowed);
}

static void make_server(void) {
    const struct config *config = config_get();
    unsigned shards;
    char why[WHY_MAX];
    choose_cpus(config, &shards);
    table_set_seed(random_seed_from_system());
    slices_create(shards, (unsigned)config->databases);
    workers_create(shards);
    process_raise_locked_memory(workers_count + 1);
    limit_clients();
    config = config_get();
    if (!listeners_open(config, why, sizeof why)) fail(why);
    persistence_prepare(config);
    follow_prepare(config);
}

/* While no connection is accepted yet: afterwards a CONFIG SET may free this snapshot. */
static void introduce(const struct config *config) {
    struct ring_features features = ring_features(worker_by_index(0)->thread.ring);
    banner_print(config, &features);
}

int main(int argc, char **argv) {
    struct config_load load = {0};
    argv = title_begin(argc, argv);
    clock_init();
    slot_init();
    commands_init();
    types_register();
    if (check_is_asked(argc, argv)) return check_run(argc, argv);
    config_init();
    listeners_register_hooks();
    replication_register_hooks();
    follow_register_hooks();
    config_reset_statistics = statistics_reset_all;
    title_register_hooks();
    persistence_register();
    load_configuration(argc, argv, &load);
    become_process(&load);
    config_load_free(&load);
    make_server();

    pthread_t *threads = mem_zalloc(workers_count * sizeof *threads), coordinator_thread;
    sem_init(&starting, 0, 0);
    for (unsigned i = 0; i < workers_count; i++) start_thread(&threads[i], worker_body, worker_by_index(i));
    introduce(config_get());
    coordinator = (struct coordinator){.started = coordinator_started,
                                       .completion = coordinator_completion,
                                       .turn = coordinator_turn,
                                       .beat = coordinator_beat};
    coordinator.thread.index = (uint16_t)workers_count;
    snprintf(coordinator.thread.name, sizeof coordinator.thread.name, "gyre-coord");
    start_thread(&coordinator_thread, coordinator_body, &coordinator);
    if (ready_at_once) say_ready();

    for (;;) {
        unsigned how = process_wait();
        log_warning("User requested shutdown...");
        process_end_on_insistence(true);
        if (shutdown_wait(&coordinator, how) && persistence_end(&coordinator, how)) break;
        process_end_on_insistence(false);
        process_forget_requests();
        shutdown_give_up(&coordinator);
    }
    aof_end(&coordinator);
    supervise_stopping();
    stop_threads(threads, coordinator_thread);
    link_remove_file();
    listeners_close();
    process_remove_pidfile();
    mem_free(threads);
    log_warning("Gyre is now ready to exit, bye bye...");
    return 0;
}
