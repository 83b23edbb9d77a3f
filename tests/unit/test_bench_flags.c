/* test_bench_flags.c: every flag: what it takes, where it goes, what it refuses; and what cannot go
 * together. */
#include <criterion/criterion.h>

#include "bench/flags.h"
#include "bench/schedule.h"
#include "bench/target.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"

#include <math.h>
#include <string.h>

static struct flags flags;
static struct problem problem;

static struct text_word *words;

static void forget(void) {
    flags_free(&flags);
    mem_free(words);
    words = NULL;
}

static bool parse(const char *line) {
    static char *argv[128];
    forget();
    const int count = text_split(line, strlen(line), &words);
    argv[0] = (char *)"gyre-bench";
    for (int i = 0; i < count; i++) argv[i + 1] = words[i].data;
    problem.text[0] = 0;
    return flags_parse(count + 1, argv, &flags, &problem);
}

static void good(const char *line) {
    cr_assert(parse(line), "%s: %s", line, problem.text);
}

static void bad(const char *line, const char *why) {
    cr_assert_not(parse(line), "'%s' was taken", line);
    cr_assert(strstr(problem.text, why), "'%s': '%s' does not say '%s'", line, problem.text, why);
    cr_assert_null(strchr(problem.text, '\n'));
}

TestSuite(bench_flags, .fini = forget);

Test(bench_flags, nothing) {
    good("");
    cr_assert_eq(flags.action, ACTION_RUN);
    cr_assert_eq(flags.warm_up_ns, UINT64_MAX);
    cr_assert_eq(flags.clients, 0);
    cr_assert_eq(flags.word_count, 0);
}

Test(bench_flags, texts) {
    good("-h a -s /b --user c -a d -t set --key-prefix p: --html f");
    cr_assert_str_eq(flags.host, "a");
    cr_assert_str_eq(flags.socket, "/b");
    cr_assert_str_eq(flags.user, "c");
    cr_assert_str_eq(flags.password, "d");
    cr_assert_str_eq(flags.tests, "set");
    cr_assert_str_eq(flags.key_prefix, "p:");
    cr_assert_str_eq(flags.html, "f");
    good("--host=a --socket=/b --user=c --pass=d --test=set --html=f");
    cr_assert_str_eq(flags.host, "a");
    cr_assert_str_eq(flags.password, "d");
    good("--workload cache");
    cr_assert_str_eq(flags.workload, "cache");
    good("--mix get=1,set=2");
    cr_assert_str_eq(flags.mix, "get=1,set=2");
}

struct count_flag {
    const char *name;
    uint64_t *field, low, high;
};

Test(bench_flags, counts) {
    const struct count_flag cases[] = {
        {"-p", &flags.port, 1, 65535},
        {"--port", &flags.port, 1, 65535},
        {"--dbnum", &flags.database, 0, 1000000},
        {"--databases", &flags.databases, 1, 1000000},
        {"-c", &flags.clients, 1, 1000000},
        {"--clients", &flags.clients, 1, 1000000},
        {"--threads", &flags.threads, 1, 256},
        {"-P", &flags.pipeline, 1, 100000},
        {"--pipeline", &flags.pipeline, 1, 100000},
        {"-n", &flags.requests, 1, UINT64_C(1) << 60},
        {"--requests", &flags.requests, 1, UINT64_C(1) << 60},
        {"-r", &flags.keys, 1, UINT64_C(999999999999)},
        {"--keys", &flags.keys, 1, UINT64_C(999999999999)},
        {"--fields", &flags.fields, 1, 1000000},
        {"--hash-tags", &flags.hash_tags, 1, 99999},
        {"--seed", &flags.seed, 0, UINT64_MAX},
    };
    char line[128];
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct count_flag *c = &cases[i];
        for (unsigned end = 0; end < 2; end++) {
            const uint64_t value = end ? c->high : c->low;
            snprintf(line, sizeof line, "%s %llu", c->name, (unsigned long long)value);
            good(line);
            cr_assert_eq(*c->field, value, "%s", line);
        }
        snprintf(line, sizeof line, "%s %llu", c->name, (unsigned long long)c->high + 1);
        if (c->high != UINT64_MAX) bad(line, "takes a number from");
        snprintf(line, sizeof line, "%s %llu", c->name, (unsigned long long)c->low - 1);
        if (c->high != UINT64_MAX) bad(line, "takes a number from");
        snprintf(line, sizeof line, "%s x", c->name);
        bad(line, "takes a number from");
        bad(c->name, "needs a value");
    }
    good("-n 2m -r 10k");
    cr_assert_eq(flags.requests, 2000000);
    cr_assert_eq(flags.keys, 10000);
}

Test(bench_flags, times) {
    good("--duration 10 --warm-up 500ms --drain 2m");
    cr_assert_eq(flags.duration_ns, UINT64_C(10000000000));
    cr_assert_eq(flags.warm_up_ns, UINT64_C(500000000));
    cr_assert_eq(flags.drain_ns, UINT64_C(120000000000));
    good("--duration 1.5h --warm-up 0 --drain 20us");
    cr_assert_eq(flags.duration_ns, UINT64_C(5400000000000));
    cr_assert_eq(flags.warm_up_ns, 0);
    cr_assert_eq(flags.drain_ns, 20000);
    bad("--duration 0", "takes a time");
    bad("--duration 3x", "takes a time");
    bad("--duration ''", "needs a value");
    bad("--duration 1d", "takes a time");
    bad("--warm-up -1", "takes a time");
    bad("--drain 0", "takes a time");
}

Test(bench_flags, switches) {
    const struct {
        const char *name;
        bool *field;
    } cases[] = {{"-3", &flags.resp3},       {"--resp3", &flags.resp3},
                 {"-q", &flags.quiet},       {"--quiet", &flags.quiet},
                 {"--csv", &flags.csv},      {"--json", &flags.json},
                 {"--fill", &flags.fill},    {"--fill-only", &flags.fill_only},
                 {"--verify", &flags.verify}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[64];
        good("");
        cr_assert_not(*cases[i].field);
        good(cases[i].name);
        cr_assert(*cases[i].field, "%s", cases[i].name);
        snprintf(line, sizeof line, "%s=1", cases[i].name);
        if (cases[i].name[1] == '-') bad(line, "takes no value");
    }
}

Test(bench_flags, rate_and_arrivals) {
    good("--rate 50k");
    cr_assert_float_eq(flags.rate, 50000, 1e-9);
    good("--rate 0.5 --arrivals poisson");
    cr_assert_float_eq(flags.rate, 0.5, 1e-9);
    cr_assert(flags.poisson);
    good("--rate 2m --arrivals even");
    cr_assert_float_eq(flags.rate, 2e6, 1e-9);
    cr_assert_not(flags.poisson);
    bad("--rate 0", "--rate");
    bad("--rate -1", "--rate");
    bad("--rate x", "--rate");
    bad("--rate 2000m", "--rate");
    bad("--arrivals burst", "--arrivals");
}

Test(bench_flags, distributions_sizes_and_times_to_live) {
    good("--distribution zipf:1.1 -d 10-20 --ttl 60");
    cr_assert(flags.has_distribution);
    cr_assert_eq(flags.distribution.kind, DRAW_ZIPF);
    cr_assert_eq(flags.value_sizes.part[0].high, 20);
    cr_assert_eq(flags.ttl.part[0].low, 60);
    good("--size 3");
    cr_assert(sizes_fixed(&flags.value_sizes));
    bad("--distribution nonsense", "distributions are");
    bad("-d nonsense", "-d: ");
    bad("-d 1g", "above the largest");
    bad("--ttl 0", "at least 1 second");
    bad("--ttl x", "--ttl: ");
}

Test(bench_flags, commands) {
    good("--command 'GET __key__' --command-ratio 9 --command 'SET a b'");
    cr_assert_eq(flags.command_count, 2);
    cr_assert_eq(flags.command_ratio[0], 9);
    cr_assert_eq(flags.command_ratio[1], 1);
    cr_assert_str_eq(flags.command[1], "SET a b");
    bad("--command-ratio 9", "comes after");
    bad("--command 'GET a' --command-ratio 0", "--command-ratio");
    good("-n 10 LPUSH list __rand_int__ -x");
    cr_assert_eq(flags.word_count, 4);
    cr_assert_str_eq(flags.words[3], "-x");
}

Test(bench_flags, servers) {
    good("--read-from :1,[::1]:2,/tmp/s");
    cr_assert_eq(flags.read_from_count, 3);
    cr_assert_str_eq(flags.read_from[1], "[::1]:2");
    bad("--read-from ,", "empty address");
    bad("--read-from ''", "needs a value");
    bad("--read-from 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "at most 16");
    good("--cpus 0-2,5");
    cr_assert_eq(flags.cpus->count, 4);
    bad("--cpus x", "--cpus");
}

Test(bench_flags, lag) {
    good("lag --primary :1 --replica :2,:3 --rate 100 --duration 5 --poll 50us");
    cr_assert_eq(flags.action, ACTION_LAG);
    cr_assert_str_eq(flags.primary, ":1");
    cr_assert_eq(flags.replica_count, 2);
    cr_assert_eq(flags.poll_ns, 50000);
    bad("lag", "needs --primary");
    bad("lag --primary :1", "needs --primary");
    bad("lag x --primary :1 --replica :2", "what is 'x'");
    bad("--primary :1", "are for gyre-bench lag");
    bad("--replica :1", "are for gyre-bench lag");
}

Test(bench_flags, compare) {
    good("compare :1 :2 --pid 12 --pid 13 --rounds 7 --workload cache");
    cr_assert_eq(flags.action, ACTION_COMPARE);
    cr_assert_str_eq(flags.servers[1], ":2");
    cr_assert_eq(flags.pids[1], 13);
    cr_assert_eq(flags.rounds, 7);
    bad("compare :1", "needs two servers");
    bad("compare :1 :2 :3", "what is ':3'");
    bad("compare :1 :2 --pid 1", "given twice");
    bad("compare :1 :2 --pid 1 --pid 2 --pid 3", "at most twice");
    bad("compare :1 :2 --pid x", "process number");
    bad("--rounds 3", "for gyre-bench compare");
    bad("--pid 3 --pid 4", "for gyre-bench compare");
}

Test(bench_flags, help_and_version_need_nothing_else) {
    good("--help --nonsense");
    cr_assert_eq(flags.action, ACTION_HELP);
    good("--version");
    cr_assert_eq(flags.action, ACTION_VERSION);
    good("-v");
    cr_assert_eq(flags.action, ACTION_VERSION);
}

Test(bench_flags, what_does_not_go_together) {
    bad("--nonsense", "unknown option '--nonsense'");
    bad("-x", "unknown option '-x'");
    bad("--nonsense=3", "unknown option '--nonsense'");
    bad("-n 1 --duration 1", "not both");
    bad("--user a", "needs a password");
    bad("--csv --json", "not both");
    bad("--workload cache --mix get=1", "give one of");
    bad("-t set --workload cache", "give one of");
    good("--mix get=1 --command 'SET a b'");
}

static struct target target_of(const char *text) {
    struct target target;
    cr_assert(target_parse(text, &target, &problem), "%s: %s", text, problem.text);
    return target;
}

Test(bench_target, addresses) {
    cr_assert_str_eq(target_of("127.0.0.1:7000").name, "127.0.0.1:7000");
    cr_assert_str_eq(target_of("127.0.0.1").name, "127.0.0.1:6379");
    cr_assert_str_eq(target_of(":7000").name, "127.0.0.1:7000");
    cr_assert_str_eq(target_of("[::1]:7000").name, "[::1]:7000");
    cr_assert_str_eq(target_of("[::1]").name, "[::1]:6379");
    cr_assert_str_eq(target_of("/tmp/x.sock").name, "/tmp/x.sock");
    static const char *const wrong[] = {"127.0.0.1:",  "127.0.0.1:0", "127.0.0.1:65536",
                                        "127.0.0.1:x", "[::1",        "[::1]x"};
    struct target target;
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert_not(target_parse(wrong[i], &target, &problem), "'%s' was taken", wrong[i]);
}

Test(bench_target, greetings) {
    struct buf out = {0};
    cr_assert_eq(greeting_write(&(struct greeting){0}, 0, &out), 1);
    cr_assert_str_eq(out.data, "*1\r\n$4\r\nPING\r\n");
    buf_clear(&out);
    cr_assert_eq(greeting_write(&(struct greeting){.password = "pw"}, 3, &out), 2);
    cr_assert_str_eq(out.data, "*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n");
    buf_clear(&out);
    cr_assert_eq(greeting_write(&(struct greeting){.user = "u", .password = "pw"}, 0, &out), 1);
    cr_assert_str_eq(out.data, "*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$2\r\npw\r\n");
    buf_clear(&out);
    cr_assert_eq(greeting_write(&(struct greeting){.resp3 = true, .password = "pw"}, 0, &out), 1);
    cr_assert_str_eq(out.data, "*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n$2\r\npw\r\n");
    buf_clear(&out);
    cr_assert_eq(greeting_write(&(struct greeting){.resp3 = true}, 0, &out), 1);
    cr_assert_str_eq(out.data, "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n");
    buf_free(&out);
}

/* The threads' schedules together are one even sequence. */
Test(bench_schedule, threads_share_the_rate) {
    enum { THREADS = 4 };
    struct schedule s[THREADS];
    struct random random;
    random_seed(&random, 1);
    for (unsigned t = 0; t < THREADS; t++)
        schedule_start(&s[t], 1000, &(struct schedule_shape){1e6, false, t, THREADS});
    for (unsigned i = 0; i < 10000; i++) {
        cr_assert_eq(schedule_due(&s[i % THREADS]), 1000 + (uint64_t)i * 1000);
        schedule_advance(&s[i % THREADS], &random);
    }
}

Test(bench_schedule, poisson_arrivals_have_the_mean_and_spread_of_their_law) {
    struct schedule s;
    struct random random;
    double sum = 0, squares = 0;
    enum { COUNT = 200000 };
    random_seed(&random, 4);
    schedule_start(&s, 0, &(struct schedule_shape){1e5, true, 0, 1});
    for (unsigned i = 0; i < COUNT; i++) {
        const double before = s.next_ns;
        schedule_advance(&s, &random);
        const double gap = s.next_ns - before;
        cr_assert(gap >= 0);
        sum += gap;
        squares += gap * gap;
    }
    const double mean = sum / COUNT;
    cr_assert_float_eq(mean, 10000, 100);
    cr_assert_float_eq(sqrt(squares / COUNT - mean * mean), 10000, 200);
}
