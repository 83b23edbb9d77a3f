/* plan.c: see plan.h. */
#include "bench/plan.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"
#include "shard/rt/clock.h"

#include <string.h>
#include <sys/resource.h>

enum {
    CLIENTS_DEFAULT = 50,
    KEYS_DEFAULT = 100000,
    FIELDS_DEFAULT = 10,
    SIZE_DEFAULT = 100,
    TEST_SIZE_DEFAULT = 3, /* redis-benchmark's */
    TEST_REQUESTS_DEFAULT = 100000,
    THREADS_DEFAULT_MAX = 8,
    FILL_PIPELINE = 32,
    PAYLOAD_MIN = 65536,    /* --verify knows values of this size that another run wrote */
    DESCRIPTORS_SPARE = 64, /* rings, output, libraries */
};
static const uint64_t SECOND = 1000000000, DURATION_DEFAULT_S = 8, WARM_UP_DEFAULT_S = 1,
                      DRAIN_DEFAULT_S = 10;
static const uint64_t BUFFERS_MAX = UINT64_C(16) << 30;
static const char WORKLOAD_DEFAULT[] = "cache";

static bool nothing_chosen(const struct flags *f) {
    return !f->tests && !f->workload && !f->mix && !f->command_count && !f->word_count;
}

static const struct preset *preset_of(const struct flags *f) {
    if (f->workload) return catalog_preset(f->workload);
    return nothing_chosen(f) ? catalog_preset(WORKLOAD_DEFAULT) : NULL;
}

/* What the placeholders are filled in by: the user's word, else the preset's, else the default. */
static bool make_filling(struct program *p, const struct preset *preset, struct problem *problem) {
    const struct flags *f = p->flags;
    struct filling *to = &p->filling;
    char size[16];
    to->key_prefix = f->key_prefix ? f->key_prefix : "key:";
    if (strlen(to->key_prefix) > 1000) return problem_note(problem, "--key-prefix is longer than 1000 bytes");
    to->set_tail = f->ttl.count ? " EX __ttl__" : NULL;
    to->hash_tags = (unsigned)f->hash_tags;
    to->keys = f->keys ? f->keys : KEYS_DEFAULT;
    to->fields = f->fields ? f->fields : FIELDS_DEFAULT;
    snprintf(size, sizeof size, "%d", f->tests ? TEST_SIZE_DEFAULT : SIZE_DEFAULT);
    to->value_sizes = f->value_sizes;
    to->ttl = f->ttl;
    if (!to->value_sizes.count && !sizes_parse(preset && preset->value_sizes ? preset->value_sizes : size,
                                               FLAGS_SIZE_MAX, &to->value_sizes, problem))
        return false;
    if (!to->ttl.count &&
        !sizes_parse(preset && preset->ttl ? preset->ttl : "3600", UINT32_MAX, &to->ttl, problem))
        return false;
    p->plan.distribution = f->distribution;
    if (!f->has_distribution && preset && preset->distribution &&
        !draw_parse(preset->distribution, &p->plan.distribution, problem))
        return false;
    const size_t largest = sizes_largest(&to->value_sizes);
    payload_make(&to->payload, largest > PAYLOAD_MIN ? largest : PAYLOAD_MIN);
    return true;
}

/* Adds a command that fills, unless it is there already. */
static bool add_fill(struct program *p, const char *text, struct problem *problem) {
    if (!text) return true;
    for (unsigned i = 0; i < p->fill_count; i++) {
        if (!strncmp(p->fills[i].command[0].text, text, strlen(text))) return true;
    }
    ASSERT(p->fill_count < PLAN_FILLS_MAX);
    return workload_add_known(&p->fills[p->fill_count++], &p->filling, text, 1, problem);
}

static bool make_preset(struct program *p, const struct preset *preset, struct problem *problem) {
    for (unsigned i = 0; i < sizeof preset->part / sizeof preset->part[0] && preset->part[i].text; i++) {
        if (!workload_add_known(&p->runs[0], &p->filling, preset->part[i].text, preset->part[i].weight,
                                problem))
            return false;
    }
    for (unsigned i = 0; i < sizeof preset->fill / sizeof preset->fill[0] && preset->fill[i]; i++) {
        if (!add_fill(p, preset->fill[i], problem)) return false;
    }
    p->run_count = 1;
    return true;
}

static bool make_mix(struct program *p, struct problem *problem) {
    const struct flags *f = p->flags;
    p->run_count = 1;
    if (f->mix) {
        if (!workload_add_mix(&p->runs[0], &p->filling, f->mix, problem)) return false;
        for (const char *at = f->mix; *at; at += strcspn(at, ","), at += *at == ',') {
            const struct known_command *known = catalog_command(at, strcspn(at, "=,"));
            if (known && !add_fill(p, known->fill, problem)) return false;
        }
    }
    for (unsigned i = 0; i < f->command_count; i++) {
        if (!workload_add(&p->runs[0], &p->filling, f->command[i], (uint32_t)f->command_ratio[i], problem))
            return false;
        if (strstr(f->command[i], "__key__") && !add_fill(p, "SET __key__ __data__", problem)) return false;
    }
    return true;
}

static bool make_tests(struct program *p, struct problem *problem) {
    const struct known_test *test;
    bool matched_all = true;
    p->own_titles = true;
    for (const char *at = p->flags->tests; *at; at += strcspn(at, ","), at += *at == ',') {
        bool matched = false;
        for (unsigned i = 0; (test = catalog_test(i)); i++)
            matched |= catalog_test_matches(test, at, strcspn(at, ","));
        if (!matched) {
            matched_all = problem_note(problem, "-t knows no test '%.*s' (--help lists them)",
                                       (int)strcspn(at, ","), at);
        }
    }
    for (unsigned i = 0; matched_all && (test = catalog_test(i)); i++) {
        bool wanted = false;
        for (const char *at = p->flags->tests; *at; at += strcspn(at, ","), at += *at == ',')
            wanted |= catalog_test_matches(test, at, strcspn(at, ","));
        if (!wanted) continue;
        ASSERT(p->run_count < PLAN_RUNS_MAX);
        workload_add_test(&p->runs[p->run_count++], &p->filling, test);
        if (strstr(test->text, "__key__") && !add_fill(p, "SET __key__ __data__", problem)) return false;
    }
    if (matched_all && p->run_count == 0) return problem_note(problem, "-t names no test");
    return matched_all;
}

static bool make_words(struct program *p, struct problem *problem) {
    p->run_count = 1;
    return workload_add_words(&p->runs[0], &p->filling, p->flags->words, p->flags->word_count, problem);
}

static bool make_workloads(struct program *p, const struct preset *preset, struct problem *problem) {
    if (p->flags->word_count) return make_words(p, problem);
    if (p->flags->tests) return make_tests(p, problem);
    return preset ? make_preset(p, preset, problem) : make_mix(p, problem);
}

static unsigned default_threads(void) {
    const unsigned half = cpus_usable() / 2;
    return half < 1 ? 1 : half > THREADS_DEFAULT_MAX ? THREADS_DEFAULT_MAX : half;
}

static void make_plan(struct program *p) {
    const struct flags *f = p->flags;
    struct run_plan *plan = &p->plan;
    plan->primary = &p->primary;
    plan->replicas = p->replicas;
    plan->replica_count = f->read_from_count;
    plan->greeting = (struct greeting){f->user, f->password, f->resp3};
    plan->filling = &p->filling;
    plan->clients = f->clients ? (unsigned)f->clients : CLIENTS_DEFAULT;
    plan->pipeline = f->pipeline ? (unsigned)f->pipeline : 1;
    plan->threads = f->threads ? (unsigned)f->threads : default_threads();
    if (plan->threads > plan->clients) plan->threads = plan->clients;
    plan->database = (unsigned)f->database;
    plan->databases = f->databases ? (unsigned)f->databases : 1;
    plan->requests = f->requests;
    /* Tests and single commands are counted, as redis-benchmark counts them; workloads go by the clock. */
    if (!plan->requests && !f->duration_ns && (f->tests || f->word_count))
        plan->requests = TEST_REQUESTS_DEFAULT;
    plan->duration_ns = plan->requests   ? UINT64_MAX
                        : f->duration_ns ? f->duration_ns
                                         : DURATION_DEFAULT_S * SECOND;
    plan->warm_up_ns = f->warm_up_ns != UINT64_MAX ? f->warm_up_ns
                       : plan->requests            ? 0
                                                   : WARM_UP_DEFAULT_S * SECOND;
    plan->rate = f->rate;
    plan->poisson = f->poisson;
    plan->verify = f->verify;
    plan->drain_ns = f->drain_ns ? f->drain_ns : DRAIN_DEFAULT_S * SECOND;
    plan->seed = f->seed ? f->seed : clock_mono_ns();
    plan->cpus = f->cpus;
}

static bool find_servers(struct program *p, struct problem *problem) {
    const struct flags *f = p->flags;
    for (unsigned i = 0; i < f->read_from_count; i++) {
        if (!target_parse(f->read_from[i], &p->replicas[i], problem)) return false;
    }
    if (f->action == ACTION_COMPARE) return true;
    if (f->socket) return target_unix(f->socket, &p->primary, problem);
    return target_tcp(f->host ? f->host : "127.0.0.1", f->port ? (int)f->port : 6379, &p->primary, problem);
}

/* Raises the limit of open files as far as it goes; says so when that is not far enough. */
static bool check_descriptors(const struct run_plan *plan, struct problem *problem) {
    const uint64_t wanted = (uint64_t)plan->clients * (plan->replica_count ? 2 : 1) + DESCRIPTORS_SPARE +
                            (uint64_t)plan->threads * 4;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= wanted) return true;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= wanted) return true;
    return problem_note(problem,
                        "%u clients need %llu file descriptors, and the limit is %llu: raise it (ulimit -n)",
                        plan->clients, (unsigned long long)wanted, (unsigned long long)limit.rlim_cur);
}

static bool check_memory(const struct program *p, struct problem *problem) {
    size_t largest = 0;
    for (unsigned i = 0; i < p->run_count; i++) {
        if (workload_largest(&p->runs[i]) > largest) largest = workload_largest(&p->runs[i]);
    }
    const uint64_t bytes =
        (uint64_t)largest * p->plan.pipeline * p->plan.clients * 2 * (p->plan.replica_count ? 2 : 1);
    if (bytes <= BUFFERS_MAX) return true;
    return problem_note(
        problem, "%u clients with %u requests of up to %zu bytes each need %llu MB of buffers: choose less",
        p->plan.clients, p->plan.pipeline, largest, (unsigned long long)(bytes >> 20));
}

bool program_make(const struct flags *flags, struct program *p, struct problem *problem) {
    memset(p, 0, sizeof *p);
    p->flags = flags;
    const struct preset *preset = preset_of(flags);
    if (flags->workload && !preset) {
        int at = snprintf(problem->text, sizeof problem->text, "--workload is one of");
        for (unsigned i = 0; catalog_preset_at(i); i++)
            at += snprintf(problem->text + at, sizeof problem->text - (size_t)at, " %s",
                           catalog_preset_at(i)->name);
        return false;
    }
    if (!make_filling(p, preset, problem)) return false;
    if (!make_workloads(p, preset, problem)) return false;
    make_plan(p);
    return check_descriptors(&p->plan, problem) && check_memory(p, problem) && find_servers(p, problem);
}

void program_free(struct program *p) {
    for (unsigned i = 0; i < PLAN_FILLS_MAX; i++) workload_free(&p->fills[i]);
    for (unsigned i = 0; i < PLAN_RUNS_MAX; i++) workload_free(&p->runs[i]);
    payload_free(&p->filling.payload);
}

struct run_plan program_fill_plan(const struct program *p, unsigned n, unsigned database) {
    ASSERT(n < p->fill_count);
    struct run_plan plan = p->plan;
    plan.workload = &p->fills[n];
    plan.distribution = (struct draw_shape){.kind = DRAW_SEQUENTIAL};
    plan.database += database;
    plan.databases = 1;
    plan.requests = p->filling.keys;
    plan.duration_ns = UINT64_MAX;
    plan.warm_up_ns = 0;
    plan.rate = 0;
    plan.replica_count = 0;
    plan.verify = false;
    if (plan.pipeline < FILL_PIPELINE && sizes_largest(&p->filling.value_sizes) <= 65536)
        plan.pipeline = FILL_PIPELINE;
    return plan;
}

struct run_plan program_run_plan(const struct program *p, unsigned n) {
    ASSERT(n < p->run_count);
    struct run_plan plan = p->plan;
    plan.workload = &p->runs[n];
    return plan;
}

bool program_fills(const struct program *p) {
    return p->flags->fill || p->flags->fill_only || (nothing_chosen(p->flags) && !p->flags->requests);
}
