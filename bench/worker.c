/* worker.c: see worker.h. One turn of the loop: submit everything and wait; then, for each completion,
 * take the replies in and, in the closed loop, at once render the client's next requests.
 *
 * Closed loop: a client sends a pipeline of requests in one go and sends the next when all of them are
 * answered. A request's clock starts when its client was free to send it, so the latencies of a client
 * add up to the whole run: nothing that this program does is hidden.
 *
 * Open loop: requests are due by a schedule that knows nothing of the replies. Whatever is due goes to
 * the client that has been free for longest; with none free it waits, and its clock has been running
 * since it was due. */
#include "bench/worker.h"

#include "bench/worker_reply.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* A server that says nothing for so long while requests wait is given up, however the run is limited. */
static const uint64_t STALL_LIMIT_NS = UINT64_C(60000000000);

enum {
    CONNECTING_MAX = 64,    /* at a time: more would overflow the listener's backlog */
    CONNECT_LIMIT_S = 10,   /* for all connections to stand */
    WAIT_NS_MAX = 20000000, /* how late the end of the run may be noticed */
    TIMER_SLACK_NS = 1000,
    QUIET_TURNS_MAX = 50,
    STOPPED_DRAIN_NS = 1000000000, /* how long an interrupted run waits for its last replies */
};

static void render_request(struct worker *w, struct bench_client *client, uint64_t start_ns) {
    const struct workload *load = w->plan->workload;
    const unsigned chosen = workload_draw(load, &w->drawing.random);
    const struct workload_command *command = &load->command[chosen];
    struct link *l = client->reader && command->reads ? client->reader : client->primary;
    const uint32_t slot = (l->first + l->count) & l->mask;
    uint64_t *keys = l->keys ? l->keys + (size_t)slot * l->keys_each : NULL;
    l->filled += template_render(command->template, &w->drawing, link_room(l), keys);
    l->waiting[slot] = (struct waiting){start_ns, chosen};
    l->count++;
    ASSERT(l->count <= l->mask + 1);
    client->outstanding++;
    w->outstanding++;
}

static void flush_client(struct worker *w, struct bench_client *client) {
    link_flush(client->primary, w->ring);
    if (client->reader) link_flush(client->reader, w->ring);
}

static bool client_alive(const struct bench_client *client) {
    return !client->ended;
}

/* Closed loop: the client's next pipeline. */
static void refill(struct worker *w, struct bench_client *client, uint64_t now) {
    if (now >= w->until_ns || !client_alive(client) ||
        atomic_load_explicit(&w->signals->stop, memory_order_relaxed))
        return;
    for (unsigned i = 0; i < w->plan->pipeline && w->quota > 0; i++) {
        if (w->quota != UINT64_MAX && now >= w->from_ns) w->quota--;
        render_request(w, client, now);
    }
    flush_client(w, client);
}

/* Open loop: the client has room for another request. */
static void enqueue(struct worker *w, struct bench_client *client) {
    if (client->queued || client->outstanding >= w->plan->pipeline || !client_alive(client)) return;
    client->queued = true;
    ASSERT(w->queue_count < w->client_count);
    w->queue[(w->queue_first + w->queue_count++) % w->client_count] = (uint32_t)(client - w->clients);
}

/* Open loop: sends what is due. */
static void dispatch(struct worker *w, uint64_t now) {
    while (w->queue_count > 0 && w->quota > 0) {
        const uint64_t due = schedule_due(&w->schedule);
        if (due > now || due >= w->until_ns) break;
        struct bench_client *client = &w->clients[w->queue[w->queue_first]];
        w->queue_first = (w->queue_first + 1) % w->client_count;
        w->queue_count--;
        client->queued = false;
        if (!client_alive(client)) continue;
        render_request(w, client, due);
        schedule_advance(&w->schedule, &w->drawing.random);
        if (w->quota != UINT64_MAX && due >= w->from_ns) w->quota--;
        flush_client(w, client);
        enqueue(w, client);
    }
}

static void on_client_free(struct worker *w, struct bench_client *client, uint64_t now) {
    if (w->plan->rate > 0)
        enqueue(w, client);
    else if (client->outstanding == 0)
        refill(w, client, now);
}

/* The connection is of no use any more; its client has ended. */
static void lose(struct worker *w, struct link *l, const char *why) {
    if (l->state == LINK_CLOSED) return;
    const bool begun = atomic_load(&w->signals->start_ns) != 0;
    if (!begun && !w->failed) {
        w->failed = true;
        problem_note(&w->problem, "%s %s", l->target->name, why);
    }
    if (!w->first_loss[0]) snprintf(w->first_loss, sizeof w->first_loss, "%s %s", l->target->name, why);
    w->lost++;
    if (l->state == LINK_READY) w->standing--;
    if (!w->clients[l->client].ended) w->alive--;
    w->clients[l->client].ended = true;
    w->unanswered += l->count;
    w->outstanding -= l->count;
    w->clients[l->client].outstanding -= l->count;
    l->count = 0;
    link_close(l);
}

/* Whether the connection has said its greeting and been answered. */
static bool take_greeting(struct worker *w, struct link *l) {
    if (l->parser.reply.error) {
        char why[REPLY_LINE_MAX + 32];
        snprintf(why, sizeof why, "refuses the connection: %s", l->parser.text);
        lose(w, l, why);
        return false;
    }
    if (--l->greetings == 0) {
        l->state = LINK_READY;
        w->standing++;
    }
    return true;
}

static void take_bytes(struct worker *w, struct link *l, const char *bytes, size_t n, uint64_t now) {
    size_t at = 0;
    w->progress_ns = now;
    histogram_bump(&w->bytes_received, n);
    while (at < n && l->state != LINK_CLOSED) {
        bool done;
        if (w->plan->verify && l->state == LINK_READY) worker_reply_expect(w, l);
        at += reply_feed(&l->parser, bytes + at, n - at, &done);
        if (l->parser.failed) {
            lose(w, l, "sent something that is not the Redis protocol");
        } else if (done && l->state == LINK_GREETING) {
            if (!take_greeting(w, l)) return;
        } else if (done && l->count == 0) {
            char why[REPLY_LINE_MAX + 64];
            snprintf(why, sizeof why, "sent a reply that nobody asked for: %s", l->parser.text);
            lose(w, l, why);
        } else if (done) {
            worker_reply_take(w, l, now);
        }
    }
}

static void on_receive(struct worker *w, struct link *l, const struct completion *c) {
    const uint64_t now = clock_mono_ns();
    if (c->buffer >= 0) {
        if (c->result > 0 && l->state != LINK_CLOSED)
            take_bytes(w, l, ring_buffer(w->ring, c->buffer), (size_t)c->result, now);
        ring_buffer_return(w->ring, c->buffer);
    }
    if (!c->more) l->receiving = false;
    if (l->state == LINK_CLOSED) return;
    if (c->result == 0)
        lose(w, l, "closed the connection");
    else if (c->result < 0 && c->result != -ENOBUFS)
        lose(w, l, strerror(-c->result));
    else if (!c->more)
        link_receive(l, w->ring);
    if (l->state == LINK_READY && w->from_ns) on_client_free(w, &w->clients[l->client], now);
}

static void try_connect(struct worker *w, struct link *l) {
    struct problem problem;
    if (link_connect(l, w->ring, &problem)) return;
    if (!w->failed) w->problem = problem;
    w->failed = true;
}

static void on_connect(struct worker *w, struct link *l, int32_t result) {
    l->sending = false;
    if (result < 0) {
        link_close(l);
        if (++l->address_at < l->target->addresses.count) {
            try_connect(w, l);
            return;
        }
        if (!w->failed)
            problem_note(&w->problem, "cannot connect to %s: %s", l->target->name, strerror(-result));
        w->failed = true;
        return;
    }
    const unsigned client = w->first_client + l->client;
    const unsigned database = w->plan->database + (w->plan->databases > 1 ? client % w->plan->databases : 0);
    link_greet(l, w->ring, &w->plan->greeting, database);
}

/* Submits, waits, and handles what has come. */
static void turn(struct worker *w, uint64_t wait_ns) {
    const struct completion *c;
    ring_turn(w->ring, wait_ns);
    while ((c = ring_next(w->ring))) {
        struct link *l = &w->links[(uint32_t)c->tag];
        ASSERT(l < w->links + w->link_count);
        switch ((enum link_tag)(c->tag >> 32)) {
        case LINK_RECEIVE: on_receive(w, l, c); break;
        case LINK_SEND:
            if (c->result > 0) histogram_bump(&w->bytes_sent, (uint64_t)c->result);
            if (!link_sent(l, w->ring, c->result))
                lose(w, l, c->result == -EPIPE ? "closed the connection" : strerror(-c->result));
            break;
        case LINK_CONNECT: on_connect(w, l, c->result); break;
        }
    }
}

/* Connects everything and says the greetings. False when that failed: w->problem says why. */
static bool connect_all(struct worker *w) {
    const uint64_t limit = clock_mono_ns() + CONNECT_LIMIT_S * UINT64_C(1000000000);
    while (w->standing < w->link_count && !w->failed) {
        while (w->opened < w->link_count && w->opened - w->standing < CONNECTING_MAX && !w->failed)
            try_connect(w, &w->links[w->opened++]);
        if (atomic_load(&w->signals->stop)) w->failed = true;
        if (clock_mono_ns() > limit && !w->failed) {
            w->failed = true;
            problem_note(&w->problem, "%s does not answer (%u of %u connections stand after %d s)",
                         w->plan->primary->name, w->standing, w->link_count, CONNECT_LIMIT_S);
        }
        if (!w->failed) turn(w, WAIT_NS_MAX);
    }
    return !w->failed;
}

/* Takes up the time at which the run begins. */
static void begin(struct worker *w, uint64_t start_ns) {
    const struct run_plan *plan = w->plan;
    w->from_ns = start_ns + plan->warm_up_ns;
    w->until_ns = plan->duration_ns == UINT64_MAX ? UINT64_MAX : w->from_ns + plan->duration_ns;
    if (plan->rate > 0) {
        schedule_start(&w->schedule, start_ns,
                       &(struct schedule_shape){plan->rate, plan->poisson, w->index, w->threads});
        for (unsigned i = 0; i < w->client_count; i++) enqueue(w, &w->clients[i]);
    } else {
        for (unsigned i = 0; i < w->client_count; i++) refill(w, &w->clients[i], clock_mono_ns());
    }
}

/* Whether requests are still to be sent. */
static bool issuing(const struct worker *w, uint64_t now) {
    if (w->quota == 0 || w->alive == 0 || atomic_load_explicit(&w->signals->stop, memory_order_relaxed))
        return false;
    return w->plan->rate > 0 ? schedule_due(&w->schedule) < w->until_ns : now < w->until_ns;
}

/* How long the next turn may wait. */
static uint64_t patience(const struct worker *w, uint64_t now, bool more) {
    uint64_t until = now + WAIT_NS_MAX;
    if (more && w->plan->rate > 0 && w->queue_count > 0 && schedule_due(&w->schedule) < until)
        until = schedule_due(&w->schedule);
    if (more && w->until_ns < until) until = w->until_ns;
    return until > now ? until - now : 0;
}

static void loop(struct worker *w) {
    w->progress_ns = clock_mono_ns();
    uint64_t ended = 0; /* when the last request was sent */
    for (;;) {
        const uint64_t now = clock_mono_ns();
        const bool more = issuing(w, now),
                   stopped = atomic_load_explicit(&w->signals->stop, memory_order_relaxed);
        if (w->outstanding > 0 && now > w->progress_ns + STALL_LIMIT_NS) break;
        const uint64_t drain_ns =
            stopped && w->plan->drain_ns > STOPPED_DRAIN_NS ? STOPPED_DRAIN_NS : w->plan->drain_ns;
        if (more && w->plan->rate > 0) dispatch(w, now);
        if (!more) {
            if (!ended) ended = now;
            if (w->outstanding == 0 || w->alive == 0 || now - ended > drain_ns) break;
        } else if (w->until_ns != UINT64_MAX && now > w->until_ns && now - w->until_ns > drain_ns) {
            break; /* open loop: what is due cannot be sent */
        }
        turn(w, patience(w, now, more));
    }
    w->unanswered += w->outstanding;
    if (w->plan->rate > 0 && !atomic_load(&w->signals->stop)) {
        const uint64_t last = w->until_ns == UINT64_MAX ? 0 : w->until_ns;
        for (; schedule_due(&w->schedule) < last && w->quota > 0; w->unsent++)
            schedule_advance(&w->schedule, &w->drawing.random);
    }
}

static uint64_t thread_cpu_ns(void) {
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
}

static void serve(struct worker *w) {
    if (!connect_all(w)) {
        atomic_fetch_add(&w->signals->failed, 1);
        return;
    }
    atomic_fetch_add(&w->signals->ready, 1);
    uint64_t start_ns = 0;
    while (!(start_ns = atomic_load(&w->signals->start_ns)) && !atomic_load(&w->signals->stop) && !w->failed)
        turn(w, 1000000);
    if (!start_ns) return;
    const uint64_t used = thread_cpu_ns();
    begin(w, start_ns);
    loop(w);
    w->cpu_ns = thread_cpu_ns() - used;
}

static void work(struct worker *w) {
    char why[512], name[16];
    snprintf(name, sizeof name, "bench-%u", w->index);
    pthread_setname_np(pthread_self(), name);
    prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS, 0, 0, 0);
    if (w->plan->cpus) cpus_pin_thread(w->plan->cpus->cpu[w->index % w->plan->cpus->count]);
    w->ring = ring_open(true, why, sizeof why);
    if (!w->ring) {
        w->failed = true;
        problem_note(&w->problem, "%s", why);
        atomic_fetch_add(&w->signals->failed, 1);
        return;
    }
    serve(w);
    /* What the kernel still holds of the links has to end before their memory goes. */
    for (unsigned i = 0; i < w->link_count; i++) link_close(&w->links[i]);
    for (unsigned turns = 0, busy = 1; busy && turns < QUIET_TURNS_MAX; turns++) {
        busy = 0;
        for (unsigned i = 0; i < w->link_count; i++) busy += w->links[i].sending || w->links[i].receiving;
        if (busy) turn(w, 1000000);
    }
    ring_close(w->ring);
    mem_publish();
}

void *worker_main(void *worker) {
    struct worker *w = worker;
    work(w);
    atomic_store(&w->ended, true);
    return NULL;
}

void worker_make(struct worker *w, const struct run_plan *plan, struct run_signals *signals, unsigned index,
                 unsigned threads) {
    const unsigned share = plan->clients / threads, rest = plan->clients % threads;
    const unsigned per_client = plan->replica_count ? 2 : 1;
    *w = (struct worker){.plan = plan, .signals = signals, .index = index, .threads = threads};
    w->client_count = share + (index < rest);
    w->first_client = index * share + (index < rest ? index : rest);
    w->link_count = w->client_count * per_client;
    w->alive = w->client_count;
    w->quota = plan->requests ? plan->requests / threads + (index < plan->requests % threads) : UINT64_MAX;
    random_seed(&w->drawing.random, plan->seed + index);
    draw_start(&w->drawing.keys, &plan->distribution, plan->filling->keys, index, threads);
    w->drawing.sequence = index;
    w->drawing.sequence_step = threads;
    w->counters = mem_zalloc(plan->workload->count * sizeof *w->counters);
    w->clients = mem_zalloc(w->client_count * sizeof *w->clients);
    w->links = mem_zalloc(w->link_count * sizeof *w->links);
    w->queue = mem_zalloc(w->client_count * sizeof *w->queue);
    const struct link_shape shape = {.depth = plan->pipeline,
                                     .request_max = workload_largest(plan->workload),
                                     .keys_each = plan->verify ? workload_keys(plan->workload) : 0};
    w->expected = mem_zalloc((shape.keys_each + 1) * sizeof *w->expected * w->link_count);
    for (unsigned i = 0; i < w->link_count; i++) {
        struct link *l = &w->links[i];
        struct bench_client *client = &w->clients[i / per_client];
        link_make(l, i, &shape);
        l->client = i / per_client;
        l->target = plan->primary;
        if (i % per_client) {
            l->target = &plan->replicas[(w->first_client + l->client) % plan->replica_count];
            client->reader = l;
        } else {
            client->primary = l;
        }
    }
}

void worker_free(struct worker *w) {
    for (unsigned i = 0; i < w->link_count; i++) link_free(&w->links[i]);
    mem_free(w->counters);
    mem_free(w->clients);
    mem_free(w->links);
    mem_free(w->queue);
    mem_free(w->expected);
}
