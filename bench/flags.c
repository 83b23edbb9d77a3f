/* flags.c: see flags.h. One table says of every flag what it takes and where it goes. */
#include "bench/flags.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum flag_kind { KIND_SWITCH, KIND_TEXT, KIND_COUNT, KIND_TIME, KIND_SPECIAL };

typedef bool flag_setter(struct flags *flags, const char *value, struct problem *problem);

struct flag {
    const char *name, *short_name; /* without dashes; either may be NULL */
    enum flag_kind kind;
    size_t field;       /* of struct flags, where the kind has one */
    uint64_t low, high; /* of a count; of a time in nanoseconds */
    flag_setter *set;
};

static const uint64_t DAY_NS = UINT64_C(86400) * 1000000000;

static bool set_rate(struct flags *f, const char *value, struct problem *problem) {
    size_t len = strlen(value);
    double unit = 1;
    if (len && (value[len - 1] == 'k' || value[len - 1] == 'm')) unit = value[--len] == 'k' ? 1e3 : 1e6;
    if (!text_to_double(value, len, &f->rate) || !(f->rate > 0) || f->rate * unit > 1e9)
        return problem_note(problem, "--rate takes requests a second, such as 50000, 50k or 0.5");
    f->rate *= unit;
    return true;
}

static bool set_distribution(struct flags *f, const char *value, struct problem *problem) {
    f->has_distribution = true;
    return draw_parse(value, &f->distribution, problem);
}

static bool set_size(struct flags *f, const char *value, struct problem *problem) {
    return sizes_parse(value, FLAGS_SIZE_MAX, &f->value_sizes, problem);
}

static bool set_ttl(struct flags *f, const char *value, struct problem *problem) {
    if (!sizes_parse(value, UINT32_MAX, &f->ttl, problem)) return false;
    for (unsigned i = 0; i < f->ttl.count; i++) {
        if (f->ttl.part[i].low == 0) return problem_note(problem, "a time to live is at least 1 second");
    }
    return true;
}

static bool set_command(struct flags *f, const char *value, struct problem *problem) {
    if (f->command_count == FLAGS_COMMANDS_MAX)
        return problem_note(problem, "at most %d --command", FLAGS_COMMANDS_MAX);
    f->command_ratio[f->command_count] = 1;
    f->command[f->command_count++] = value;
    return true;
}

static bool set_command_ratio(struct flags *f, const char *value, struct problem *problem) {
    uint64_t ratio;
    if (f->command_count == 0)
        return problem_note(problem, "--command-ratio comes after the --command it is for");
    if (!text_to_u64(value, strlen(value), &ratio) || ratio == 0 || ratio > 1000000)
        return problem_note(problem, "--command-ratio takes a number from 1 to 1000000, not '%s'", value);
    f->command_ratio[f->command_count - 1] = ratio;
    return true;
}

static bool set_arrivals(struct flags *f, const char *value, struct problem *problem) {
    f->poisson = !strcmp(value, "poisson");
    if (f->poisson || !strcmp(value, "even")) return true;
    return problem_note(problem, "--arrivals is even or poisson, not '%s'", value);
}

static bool set_cpus(struct flags *f, const char *value, struct problem *problem) {
    if (!f->cpus) f->cpus = mem_zalloc(sizeof *f->cpus);
    if (cpus_parse(value, f->cpus) && f->cpus->count > 0) return true;
    return problem_note(problem, "--cpus takes a list such as 0-3,8, not '%s'", value);
}

/* Splits "a,b,c" into pieces of its own; flags_free frees them. */
static bool split_servers(const char *value, const char **list, unsigned *count, struct problem *problem) {
    for (const char *at = value; *at;) {
        const size_t len = strcspn(at, ",");
        if (*count == FLAGS_SERVERS_MAX)
            return problem_note(problem, "at most %d servers", FLAGS_SERVERS_MAX);
        if (len == 0) return problem_note(problem, "'%s' has an empty address", value);
        char *one = mem_alloc(len + 1);
        memcpy(one, at, len);
        one[len] = 0;
        list[(*count)++] = one;
        at += len;
        if (*at == ',') at++;
    }
    if (*count == 0) return problem_note(problem, "an address is host:port or a socket's path");
    return true;
}

static bool set_read_from(struct flags *f, const char *value, struct problem *problem) {
    return split_servers(value, f->read_from, &f->read_from_count, problem);
}

static bool set_replicas(struct flags *f, const char *value, struct problem *problem) {
    return split_servers(value, f->replicas, &f->replica_count, problem);
}

static bool set_pid(struct flags *f, const char *value, struct problem *problem) {
    if (f->pid_count == 2)
        return problem_note(problem, "--pid is given at most twice, in the order of the servers");
    if (!text_to_u64(value, strlen(value), &f->pids[f->pid_count]) || f->pids[f->pid_count] == 0)
        return problem_note(problem, "--pid takes a process number, not '%s'", value);
    f->pid_count++;
    return true;
}

static bool set_help(struct flags *f, const char *value, struct problem *problem) {
    (void)value, (void)problem;
    f->action = ACTION_HELP;
    return true;
}

static bool set_version(struct flags *f, const char *value, struct problem *problem) {
    (void)value, (void)problem;
    f->action = ACTION_VERSION;
    return true;
}

#define FIELD(name) offsetof(struct flags, name)

static const struct flag FLAGS[] = {
    {"host", "h", KIND_TEXT, FIELD(host), 0, 0, NULL},
    {"port", "p", KIND_COUNT, FIELD(port), 1, 65535, NULL},
    {"socket", "s", KIND_TEXT, FIELD(socket), 0, 0, NULL},
    {"user", NULL, KIND_TEXT, FIELD(user), 0, 0, NULL},
    {"pass", "a", KIND_TEXT, FIELD(password), 0, 0, NULL},
    {"dbnum", NULL, KIND_COUNT, FIELD(database), 0, 1000000, NULL},
    {"databases", NULL, KIND_COUNT, FIELD(databases), 1, 1000000, NULL},
    {"resp3", "3", KIND_SWITCH, FIELD(resp3), 0, 0, NULL},
    {"read-from", NULL, KIND_SPECIAL, 0, 1, 0, set_read_from},
    {"clients", "c", KIND_COUNT, FIELD(clients), 1, 1000000, NULL},
    {"threads", NULL, KIND_COUNT, FIELD(threads), 1, 256, NULL},
    {"pipeline", "P", KIND_COUNT, FIELD(pipeline), 1, 100000, NULL},
    {"requests", "n", KIND_COUNT, FIELD(requests), 1, UINT64_C(1) << 60, NULL},
    {"duration", NULL, KIND_TIME, FIELD(duration_ns), 1, 0, NULL},
    {"warm-up", NULL, KIND_TIME, FIELD(warm_up_ns), 0, 0, NULL},
    {"drain", NULL, KIND_TIME, FIELD(drain_ns), 1, 0, NULL},
    {"rate", NULL, KIND_SPECIAL, 0, 1, 0, set_rate},
    {"arrivals", NULL, KIND_SPECIAL, 0, 1, 0, set_arrivals},
    {"test", "t", KIND_TEXT, FIELD(tests), 0, 0, NULL},
    {"workload", NULL, KIND_TEXT, FIELD(workload), 0, 0, NULL},
    {"mix", NULL, KIND_TEXT, FIELD(mix), 0, 0, NULL},
    {"command", NULL, KIND_SPECIAL, 0, 1, 0, set_command},
    {"command-ratio", NULL, KIND_SPECIAL, 0, 1, 0, set_command_ratio},
    {"keys", "r", KIND_COUNT, FIELD(keys), 1, UINT64_C(999999999999), NULL},
    {"fields", NULL, KIND_COUNT, FIELD(fields), 1, 1000000, NULL},
    {"key-prefix", NULL, KIND_TEXT, FIELD(key_prefix), 0, 0, NULL},
    {"hash-tags", NULL, KIND_COUNT, FIELD(hash_tags), 1, 99999, NULL},
    {"distribution", NULL, KIND_SPECIAL, 0, 1, 0, set_distribution},
    {"size", "d", KIND_SPECIAL, 0, 1, 0, set_size},
    {"ttl", NULL, KIND_SPECIAL, 0, 1, 0, set_ttl},
    {"seed", NULL, KIND_COUNT, FIELD(seed), 0, UINT64_MAX, NULL},
    {"fill", NULL, KIND_SWITCH, FIELD(fill), 0, 0, NULL},
    {"fill-only", NULL, KIND_SWITCH, FIELD(fill_only), 0, 0, NULL},
    {"verify", NULL, KIND_SWITCH, FIELD(verify), 0, 0, NULL},
    {"quiet", "q", KIND_SWITCH, FIELD(quiet), 0, 0, NULL},
    {"csv", NULL, KIND_SWITCH, FIELD(csv), 0, 0, NULL},
    {"json", NULL, KIND_SWITCH, FIELD(json), 0, 0, NULL},
    {"html", NULL, KIND_TEXT, FIELD(html), 0, 0, NULL},
    {"cpus", NULL, KIND_SPECIAL, 0, 1, 0, set_cpus},
    {"primary", NULL, KIND_TEXT, FIELD(primary), 0, 0, NULL},
    {"replica", NULL, KIND_SPECIAL, 0, 1, 0, set_replicas},
    {"poll", NULL, KIND_TIME, FIELD(poll_ns), 0, 0, NULL},
    {"pid", NULL, KIND_SPECIAL, 0, 1, 0, set_pid},
    {"rounds", NULL, KIND_COUNT, FIELD(rounds), 1, 1000, NULL},
    {"help", NULL, KIND_SPECIAL, 0, 0, 0, set_help},
    {"version", "v", KIND_SPECIAL, 0, 0, 0, set_version},
};

static bool takes_value(const struct flag *flag) {
    return flag->kind == KIND_SPECIAL ? flag->low == 1 : flag->kind != KIND_SWITCH;
}

/* "10", "10s", "500ms", "2m", "1h". */
static bool parse_time(const char *text, uint64_t *ns) {
    static const struct {
        const char *unit;
        double seconds;
    } UNITS[] = {{"", 1}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}};
    const size_t digits = strspn(text, "0123456789.");
    double value;
    if (!digits || !text_to_double(text, digits, &value)) return false;
    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++) {
        if (strcmp(text + digits, UNITS[i].unit) != 0) continue;
        value *= UNITS[i].seconds * 1e9;
        *ns = (uint64_t)llround(value < (double)DAY_NS * 1000 ? value : (double)DAY_NS * 1000);
        return true;
    }
    return false;
}

static bool set_flag(struct flags *f, const struct flag *flag, const char *called, const char *value,
                     struct problem *problem) {
    void *field = (char *)f + flag->field;
    uint64_t number;
    switch (flag->kind) {
    case KIND_SWITCH: *(bool *)field = true; return true;
    case KIND_TEXT: *(const char **)field = value; return true;
    case KIND_COUNT:
        if (!*value || value[0] < '0' || value[0] > '9' || !text_to_memory(value, strlen(value), &number) ||
            number < flag->low || number > flag->high)
            return problem_note(problem, "%s takes a number from %llu to %llu, not '%s'", called,
                                (unsigned long long)flag->low, (unsigned long long)flag->high, value);
        *(uint64_t *)field = number;
        return true;
    case KIND_TIME:
        if (!parse_time(value, &number) || number < flag->low || number > DAY_NS)
            return problem_note(problem, "%s takes a time such as 10, 500ms or 2m (at most a day), not '%s'",
                                called, value);
        *(uint64_t *)field = number;
        return true;
    case KIND_SPECIAL: {
        struct problem inner;
        if (flag->set(f, value, &inner)) return true;
        /* Those that do not say themselves which flag they are about. */
        return strstr(inner.text, "--") ? problem_note(problem, "%s", inner.text)
                                        : problem_note(problem, "%s: %s", called, inner.text);
    }
    }
    ASSERT(!"a flag of no kind");
}

static const struct flag *find_flag(const char *word, size_t len) {
    const bool is_long = len > 2 && word[1] == '-';
    for (size_t i = 0; i < sizeof FLAGS / sizeof FLAGS[0]; i++) {
        const char *name = is_long ? FLAGS[i].name : FLAGS[i].short_name;
        const char *given = word + (is_long ? 2 : 1);
        const size_t given_len = len - (is_long ? 2 : 1);
        if (name && strlen(name) == given_len && !memcmp(name, given, given_len)) return &FLAGS[i];
    }
    return NULL;
}

/* One word that begins with a dash, and its value. Moves *at past what it used. */
static bool take_flag(int argc, char **argv, int *at, struct flags *flags, struct problem *problem) {
    char *word = argv[(*at)++];
    const char *value = NULL, *equals = word[1] == '-' ? strchr(word, '=') : NULL;
    const size_t len = equals ? (size_t)(equals - word) : strlen(word);
    const struct flag *flag = find_flag(word, len);
    if (!flag) return problem_note(problem, "unknown option '%.*s' (--help lists them)", (int)len, word);
    char called[32];
    snprintf(called, sizeof called, "%.*s", (int)len, word);
    if (takes_value(flag)) {
        if (equals)
            value = equals + 1;
        else if (*at < argc)
            value = argv[(*at)++];
        else
            return problem_note(problem, "%s needs a value (see --help)", called);
        if (!*value && flag->kind != KIND_TEXT)
            return problem_note(problem, "%s needs a value (see --help)", called);
    } else if (equals) {
        return problem_note(problem, "%s takes no value", called);
    }
    return set_flag(flags, flag, called, value, problem);
}

/* What cannot be asked for together. */
static bool check_together(const struct flags *f, struct problem *problem) {
    const int whats = (f->tests != NULL) + (f->workload != NULL) + (f->mix != NULL) + (f->command_count > 0) +
                      (f->word_count > 0);
    if (whats > 1 && !(whats == 2 && f->mix && f->command_count) &&
        !(f->tests && f->word_count && whats == 2))
        return problem_note(problem,
                            "give one of -t, --workload, --mix with --command, or a command's words");
    if (f->requests && f->duration_ns)
        return problem_note(problem, "give --requests or --duration, not both");
    if (f->user && !f->password) return problem_note(problem, "--user needs a password (-a)");
    if (f->csv && f->json) return problem_note(problem, "give --csv or --json, not both");
    if (f->action == ACTION_LAG && (!f->primary || f->replica_count == 0))
        return problem_note(problem, "lag needs --primary ADDRESS and --replica ADDRESS,...");
    if (f->action != ACTION_LAG && (f->primary || f->replica_count))
        return problem_note(problem, "--primary and --replica are for gyre-bench lag");
    if (f->action == ACTION_COMPARE && f->server_count != 2)
        return problem_note(problem, "compare needs two servers: gyre-bench compare HOST:PORT HOST:PORT ...");
    if (f->action != ACTION_COMPARE && (f->pid_count || f->rounds))
        return problem_note(problem, "--pid and --rounds are for gyre-bench compare");
    if (f->pid_count == 1) return problem_note(problem, "--pid is given twice, in the order of the servers");
    return true;
}

bool flags_parse(int argc, char **argv, struct flags *flags, struct problem *problem) {
    int at = 1;
    memset(flags, 0, sizeof *flags);
    flags->warm_up_ns = UINT64_MAX;
    flags->poll_ns = UINT64_MAX;
    if (argc > 1 && !strcmp(argv[1], "lag")) flags->action = ACTION_LAG;
    if (argc > 1 && !strcmp(argv[1], "compare")) flags->action = ACTION_COMPARE;
    const enum flags_action asked = flags->action;
    if (asked != ACTION_RUN) at = 2;
    while (at < argc) {
        if (argv[at][0] == '-' && argv[at][1]) {
            if (!take_flag(argc, argv, &at, flags, problem)) return false;
            if (flags->action == ACTION_HELP || flags->action == ACTION_VERSION) return true;
        } else if (asked == ACTION_COMPARE && flags->server_count < 2) {
            flags->servers[flags->server_count++] = argv[at++];
        } else if (asked == ACTION_RUN) {
            flags->words = argv + at;
            flags->word_count = (unsigned)(argc - at);
            at = argc;
        } else {
            return problem_note(problem, "what is '%s'? (--help lists the options)", argv[at]);
        }
    }
    return check_together(flags, problem);
}

void flags_free(struct flags *flags) {
    for (unsigned i = 0; i < flags->read_from_count; i++) mem_free((void *)(uintptr_t)flags->read_from[i]);
    for (unsigned i = 0; i < flags->replica_count; i++) mem_free((void *)(uintptr_t)flags->replicas[i]);
    mem_free(flags->cpus);
    memset(flags, 0, sizeof *flags);
}
