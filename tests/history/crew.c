/* crew.c: see crew.h. */
#include "tests/history/crew.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"

static void lead(struct crew_member *m) {
    struct crew *crew = m->crew;
    if (crew->rounds > 0 && !crew->plan->judge(crew, crew->arg)) crew->violated = true;
    if (crew->violated || wire_now_ns() > crew->deadline_ns) {
        atomic_store(&crew->stop, true);
        return;
    }
    crew->rounds++;
    crew->plan->prepare(m, crew->arg);
}

static void *member_run(void *arg) {
    struct crew_member *m = arg;
    struct crew *crew = m->crew;
    m->wires = mem_zalloc(crew->options->connections * sizeof *m->wires);
    for (unsigned c = 0; c < crew->options->connections; c++) {
        if (crew->plan->connect)
            crew->plan->connect(m, c, crew->arg);
        else
            wire_open(&m->wires[c], crew->options->port);
    }
    for (;;) {
        if (m->index == 0) lead(m);
        pthread_barrier_wait(&crew->barrier);
        if (atomic_load(&crew->stop)) break;
        crew->plan->play(m, crew->arg);
        pthread_barrier_wait(&crew->barrier);
    }
    for (unsigned c = 0; c < crew->options->connections; c++) wire_close(&m->wires[c]);
    mem_free(m->wires);
    return NULL;
}

void crew_run(struct crew *crew) {
    const struct crew_options *o = crew->options;
    ASSERT(o->threads >= 1 && o->threads <= CREW_THREADS);
    ASSERT(o->connections >= 1 && o->connections <= CREW_CONNECTIONS_MAX);
    crew->deadline_ns = wire_now_ns() + (uint64_t)(o->seconds * 1e9);
    pthread_barrier_init(&crew->barrier, NULL, o->threads);
    for (unsigned i = 0; i < o->threads; i++) {
        struct crew_member *m = &crew->members[i];
        m->crew = crew;
        m->index = i;
        random_seed(&m->random, o->seed * CREW_THREADS + i);
        if (pthread_create(&m->thread, NULL, member_run, m) != 0) wire_trouble("cannot start a thread");
    }
    for (unsigned i = 0; i < o->threads; i++) pthread_join(crew->members[i].thread, NULL);
    pthread_barrier_destroy(&crew->barrier);
}
