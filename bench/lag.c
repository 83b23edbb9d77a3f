/* lag.c: see lag.h. */
#include "bench/lag.h"

#include "bench/format.h"
#include "bench/histogram.h"
#include "bench/link.h"
#include "bench/schedule.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"
#include "shard/rt/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

enum {
    STAMPS_KEPT = 1 << 20, /* a replica that is further behind loses sight of the oldest */
    WRITES_WAITING_MAX = 1024,
    REQUEST_MAX = 256,
    TIMER_SLACK_NS = 1000,
    TURN_NS_MAX = 20000000,
    CONNECT_LIMIT_S = 10,
    SHARES = 4,
};
static const uint64_t SECOND_NS = 1000000000, POLL_DEFAULT_NS = 100000, DURATION_DEFAULT_S = 10,
                      DRAIN_DEFAULT_S = 10;
static const double RATE_DEFAULT = 1000;
static const char KEY[] = "gyre-bench:lag";

struct lag_replica {
    struct target target;
    uint64_t seen; /* the highest stamp that it has shown */
    uint64_t lost; /* stamps that were too old to be known when it showed them */
    uint64_t polls, next_poll_ns, errors;
    char first_error[REPLY_LINE_MAX + 1];
    struct histogram lag;
};

struct lag {
    const struct flags *flags;
    volatile sig_atomic_t *stop;
    struct ring *ring;
    struct target primary;
    struct lag_replica *replicas;
    struct link *links; /* the primary's, then those of the replicas */
    unsigned replica_count, standing;
    struct schedule schedule;
    struct random random;
    uint64_t run_id;   /* tells our stamps from those of another run */
    uint64_t written;  /* the last stamp */
    uint64_t *sent_ns; /* when each of the last STAMPS_KEPT was sent */
    uint64_t poll_ns, until_ns;
    struct histogram write;
    bool failed;
    struct problem problem;
};

static void fail(struct lag *g, const struct link *l, const char *what) {
    if (!g->failed) problem_note(&g->problem, "%s %s", l->target->name, what);
    g->failed = true;
}

static void write_request(struct link *l, unsigned count, const char *const *words, uint64_t now) {
    char *at = link_room(l);
    at += sprintf(at, "*%u\r\n", count);
    for (unsigned i = 0; i < count; i++) at += sprintf(at, "$%zu\r\n%s\r\n", strlen(words[i]), words[i]);
    l->filled = (size_t)(at - l->half[l->filling]);
    l->waiting[(l->first + l->count++) & l->mask] = (struct waiting){.start_ns = now};
    ASSERT(l->count <= l->mask + 1);
}

static void write_stamp(struct lag *g, uint64_t due_ns) {
    char value[64];
    snprintf(value, sizeof value, "%016llx:%llu", (unsigned long long)g->run_id,
             (unsigned long long)++g->written);
    const char *const words[] = {"SET", KEY, value, "EX", "3600"};
    g->sent_ns[g->written % STAMPS_KEPT] = due_ns;
    write_request(&g->links[0], 5, words, due_ns);
}

static void poll_replica(struct lag *g, unsigned i, uint64_t now) {
    struct link *l = &g->links[i + 1];
    const char *const words[] = {"GET", KEY};
    if (l->count > 0 || now < g->replicas[i].next_poll_ns) return;
    g->replicas[i].polls++;
    write_request(l, 2, words, now);
    link_flush(l, g->ring);
}

/* The stamp in a value of this run, or 0. */
static uint64_t stamp_of(const struct lag *g, const char *text) {
    char id[24];
    uint64_t stamp;
    const int len = snprintf(id, sizeof id, "%016llx:", (unsigned long long)g->run_id);
    if (strncmp(text, id, (size_t)len) != 0 || !text_to_u64(text + len, strlen(text + len), &stamp)) return 0;
    return stamp <= g->written ? stamp : 0;
}

static void take_poll(struct lag *g, struct lag_replica *replica, const struct reply_parser *p,
                      uint64_t now) {
    const uint64_t stamp = p->reply.kind == '$' ? stamp_of(g, p->text) : 0;
    for (; replica->seen < stamp; replica->seen++) {
        if (replica->seen + 1 + STAMPS_KEPT <= g->written) {
            replica->lost++;
            continue;
        }
        const uint64_t sent_ns = g->sent_ns[(replica->seen + 1) % STAMPS_KEPT];
        histogram_record(&replica->lag, now > sent_ns ? now - sent_ns : 0);
    }
    replica->next_poll_ns = now + g->poll_ns;
}

/* A replica that is loading, or has lost its primary, shows nothing: that is lag like any other. */
static void refuse_poll(struct lag *g, struct link *l, uint64_t now) {
    struct lag_replica *replica = &g->replicas[l->index - 1];
    if (replica->errors++ == 0) memcpy(replica->first_error, l->parser.text, sizeof replica->first_error);
    l->first++;
    l->count--;
    replica->next_poll_ns = now + g->poll_ns;
}

static void take_reply(struct lag *g, struct link *l, uint64_t now) {
    if (l->parser.reply.error && l->state == LINK_READY && l->index > 0 && l->count > 0) {
        refuse_poll(g, l, now);
    } else if (l->parser.reply.error) {
        char what[REPLY_LINE_MAX + 32];
        snprintf(what, sizeof what, "replies: %s", l->parser.text);
        fail(g, l, what);
    } else if (l->state == LINK_GREETING) {
        if (--l->greetings == 0) {
            l->state = LINK_READY;
            g->standing++;
        }
    } else if (l->count == 0) {
        fail(g, l, "sent a reply that nobody asked for");
    } else {
        const uint64_t start_ns = l->waiting[l->first++ & l->mask].start_ns;
        l->count--;
        if (l->index == 0)
            histogram_record(&g->write, now > start_ns ? now - start_ns : 0);
        else
            take_poll(g, &g->replicas[l->index - 1], &l->parser, now);
    }
}

static void on_receive(struct lag *g, struct link *l, const struct completion *c) {
    const uint64_t now = clock_mono_ns();
    if (c->buffer >= 0) {
        const char *bytes = ring_buffer(g->ring, c->buffer);
        for (size_t at = 0, n = c->result > 0 ? (size_t)c->result : 0; at < n && !g->failed;) {
            bool done;
            at += reply_feed(&l->parser, bytes + at, n - at, &done);
            if (l->parser.failed) fail(g, l, "sent something that is not the Redis protocol");
            if (done) take_reply(g, l, now);
        }
        ring_buffer_return(g->ring, c->buffer);
    }
    if (!c->more) l->receiving = false;
    if (l->state == LINK_CLOSED) return;
    if (c->result == 0)
        fail(g, l, "closed the connection");
    else if (c->result < 0 && c->result != -ENOBUFS)
        fail(g, l, strerror(-c->result));
    else if (!c->more)
        link_receive(l, g->ring);
}

static void connect_link(struct lag *g, struct link *l) {
    struct problem problem;
    if (!link_connect(l, g->ring, &problem)) fail(g, l, problem.text);
}

static void on_connect(struct lag *g, struct link *l, int32_t result) {
    const struct greeting greeting = {g->flags->user, g->flags->password, g->flags->resp3};
    char what[128];
    l->sending = false;
    if (result == 0) {
        link_greet(l, g->ring, &greeting, (unsigned)g->flags->database);
        return;
    }
    link_close(l);
    if (++l->address_at < l->target->addresses.count) {
        connect_link(g, l);
        return;
    }
    snprintf(what, sizeof what, "cannot be connected to: %s", strerror(-result));
    fail(g, l, what);
}

static void turn(struct lag *g, uint64_t wait_ns) {
    const struct completion *c;
    ring_turn(g->ring, wait_ns);
    while ((c = ring_next(g->ring))) {
        struct link *l = &g->links[(uint32_t)c->tag];
        switch ((enum link_tag)(c->tag >> 32)) {
        case LINK_CONNECT: on_connect(g, l, c->result); break;
        case LINK_RECEIVE: on_receive(g, l, c); break;
        case LINK_SEND:
            if (!link_sent(l, g->ring, c->result) && l->state != LINK_CLOSED)
                fail(g, l, "closed the connection");
            break;
        }
    }
}

/* The slowest replica's stamp. */
static uint64_t seen_by_all(const struct lag *g) {
    uint64_t seen = UINT64_MAX;
    for (unsigned i = 0; i < g->replica_count; i++) {
        if (g->replicas[i].seen < seen) seen = g->replicas[i].seen;
    }
    return seen;
}

static bool connect_all(struct lag *g) {
    const uint64_t limit = clock_mono_ns() + CONNECT_LIMIT_S * SECOND_NS;
    for (unsigned i = 0; i <= g->replica_count; i++) connect_link(g, &g->links[i]);
    while (g->standing <= g->replica_count && !g->failed && !*g->stop) {
        turn(g, TURN_NS_MAX);
        if (clock_mono_ns() > limit && !g->failed) fail(g, &g->links[0], "or a replica does not answer");
    }
    return !g->failed && !*g->stop;
}

/* Writes what is due, as far as replies are not too far behind. */
static void write_due(struct lag *g, uint64_t now) {
    while (schedule_due(&g->schedule) <= now && schedule_due(&g->schedule) < g->until_ns &&
           g->links[0].count < WRITES_WAITING_MAX) {
        write_stamp(g, schedule_due(&g->schedule));
        schedule_advance(&g->schedule, &g->random);
    }
    link_flush(&g->links[0], g->ring);
}

static uint64_t patience(const struct lag *g, uint64_t now) {
    uint64_t until = now + TURN_NS_MAX;
    const uint64_t due = schedule_due(&g->schedule);
    if (due < until && due < g->until_ns && g->links[0].count < WRITES_WAITING_MAX) until = due;
    for (unsigned i = 0; i < g->replica_count; i++) {
        if (g->links[i + 1].count == 0 && g->replicas[i].next_poll_ns < until)
            until = g->replicas[i].next_poll_ns;
    }
    return until > now ? until - now : 0;
}

static void loop(struct lag *g) {
    const uint64_t drain_ns = g->flags->drain_ns ? g->flags->drain_ns : DRAIN_DEFAULT_S * SECOND_NS;
    for (uint64_t now = clock_mono_ns(); !g->failed && !*g->stop; now = clock_mono_ns()) {
        write_due(g, now);
        for (unsigned i = 0; i < g->replica_count; i++) poll_replica(g, i, now);
        if (now >= g->until_ns && (seen_by_all(g) == g->written || now - g->until_ns > drain_ns)) return;
        turn(g, patience(g, now));
    }
}

static const double report_at[SHARES] = {0.5, 0.9, 0.99, 0.999};

static void print_table(const struct lag *g) {
    printf("%s: %s stamps written, %s a second; a write took %s ms (p50)\n\n", g->primary.name,
           format_count(g->written).text, format_count((uint64_t)(1e9 / g->schedule.gap_ns + 0.5)).text,
           format_ms(histogram_quantile(&g->write, 0.5)).text);
    printf("%-26s %10s %9s %9s %9s %9s %9s %9s %9s\n", "replica: ms until it shows", "stamps", "mean", "p50",
           "p90", "p99", "p99.9", "max", "not seen");
    for (unsigned i = 0; i < g->replica_count; i++) {
        const struct lag_replica *r = &g->replicas[i];
        uint64_t values[SHARES];
        histogram_quantiles(&r->lag, report_at, values, SHARES);
        printf("%-26s %10s %9s", r->target.name, format_count(histogram_count(&r->lag)).text,
               format_ms((uint64_t)histogram_mean(&r->lag)).text);
        for (unsigned s = 0; s < SHARES; s++) printf(" %9s", format_ms(values[s]).text);
        printf(" %9s %9s\n", format_ms(histogram_max(&r->lag)).text,
               format_count(g->written - r->seen + r->lost).text);
    }
    for (unsigned i = 0; i < g->replica_count; i++) {
        const struct lag_replica *r = &g->replicas[i];
        if (r->errors)
            printf("%s: %s reads were refused; the first: %s\n", r->target.name, format_count(r->errors).text,
                   r->first_error);
    }
    printf("\nEach figure holds the write's and the read's round trips and up to %s ms between two reads.\n",
           format_ms(g->poll_ns).text);
}

static void print_rows(const struct lag *g, bool json) {
    if (json)
        printf("{\n  \"primary\": \"%s\", \"stamps\": %llu,\n  \"replicas\": [\n", g->primary.name,
               (unsigned long long)g->written);
    else
        printf("\"replica\",\"stamps\",\"mean_ms\",\"p50_ms\",\"p90_ms\",\"p99_ms\",\"p99.9_ms\",\"max_ms\","
               "\"not_seen\"\n");
    for (unsigned i = 0; i < g->replica_count; i++) {
        const struct lag_replica *r = &g->replicas[i];
        uint64_t v[SHARES];
        histogram_quantiles(&r->lag, report_at, v, SHARES);
        printf(json ? "    {\"replica\": \"%s\", \"stamps\": %llu, \"lag_ms\": {\"mean\": %.6f, \"p50\": "
                      "%.6f, \"p90\": %.6f, "
                      "\"p99\": %.6f, \"p99.9\": %.6f, \"max\": %.6f}, \"not_seen\": %llu}"
                    : "\"%s\",\"%llu\",\"%.6f\",\"%.6f\",\"%.6f\",\"%.6f\",\"%.6f\",\"%.6f\",\"%llu\"",
               r->target.name, (unsigned long long)histogram_count(&r->lag), histogram_mean(&r->lag) / 1e6,
               (double)v[0] / 1e6, (double)v[1] / 1e6, (double)v[2] / 1e6, (double)v[3] / 1e6,
               (double)histogram_max(&r->lag) / 1e6, (unsigned long long)(g->written - r->seen + r->lost));
        printf(json && i + 1 < g->replica_count ? ",\n" : "\n");
    }
    if (json) printf("  ]\n}\n");
}

static bool find_servers(struct lag *g) {
    g->replica_count = g->flags->replica_count;
    g->replicas = mem_zalloc(g->replica_count * sizeof *g->replicas);
    g->links = mem_zalloc((g->replica_count + 1) * sizeof *g->links);
    for (unsigned i = 0; i <= g->replica_count; i++) {
        const struct link_shape shape = {.depth = i ? 1 : WRITES_WAITING_MAX, .request_max = REQUEST_MAX};
        link_make(&g->links[i], i, &shape);
        g->links[i].target = i ? &g->replicas[i - 1].target : &g->primary;
        g->links[i].parser.keep_values = i > 0;
    }
    if (!target_parse(g->flags->primary, &g->primary, &g->problem)) return false;
    for (unsigned i = 0; i < g->replica_count; i++) {
        if (!target_parse(g->flags->replicas[i], &g->replicas[i].target, &g->problem)) return false;
    }
    return true;
}

static bool measure(struct lag *g) {
    char why[512];
    const double rate = g->flags->rate > 0 ? g->flags->rate : RATE_DEFAULT;
    if (!find_servers(g)) return false;
    prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS, 0, 0, 0);
    g->ring = ring_open(true, why, sizeof why);
    if (!g->ring) return problem_note(&g->problem, "%s", why);
    if (!connect_all(g)) return g->failed ? false : problem_note(&g->problem, "interrupted");
    random_seed(&g->random, clock_mono_ns());
    g->run_id = random_next(&g->random);
    g->sent_ns = mem_zalloc(STAMPS_KEPT * sizeof *g->sent_ns);
    g->poll_ns = g->flags->poll_ns == UINT64_MAX ? POLL_DEFAULT_NS : g->flags->poll_ns;
    const uint64_t now = clock_mono_ns();
    g->until_ns = now + (g->flags->duration_ns ? g->flags->duration_ns : DURATION_DEFAULT_S * SECOND_NS);
    schedule_start(&g->schedule, now, &(struct schedule_shape){rate, g->flags->poisson, 0, 1});
    loop(g);
    return !g->failed;
}

int lag_run(const struct flags *flags, volatile sig_atomic_t *stop) {
    struct lag *g = mem_zalloc(sizeof *g);
    g->flags = flags;
    g->stop = stop;
    const bool measured = measure(g);
    bool clean = measured;
    if (!measured) fprintf(stderr, "gyre-bench: %s\n", g->problem.text);
    if (measured || g->written > 0) {
        if (flags->json || flags->csv)
            print_rows(g, flags->json);
        else
            print_table(g);
        clean = clean && seen_by_all(g) == g->written;
    }
    if (g->ring) ring_close(g->ring);
    for (unsigned i = 0; g->links && i <= g->replica_count; i++) link_free(&g->links[i]);
    mem_free(g->links);
    mem_free(g->replicas);
    mem_free(g->sent_ns);
    mem_free(g);
    return *stop ? 130 : clean ? 0 : 1;
}
