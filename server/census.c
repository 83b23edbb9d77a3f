/* census.c: see census.h. */
#include "server/census.h"

#include "server/client.h"
#include "server/resp.h"
#include "server/worker.h"
#include "shard/base/mem.h"

static size_t input_bytes(const struct client *c) {
    size_t bytes = c->raw.cap;
    if (c->partial) bytes += resp_partial_bytes(c->partial);
    if (c->waiting) bytes += resp_partial_bytes(c->waiting);
    return bytes;
}

size_t census_client_bytes(const struct client *c) {
    return mem_size(c) + input_bytes(c) + c->reply.bytes + c->sending_bytes + pubsub_client_bytes(c);
}

void census_see(struct census *census, const struct client *c) {
    uint64_t input = input_bytes(c), output = c->reply.bytes + c->sending_bytes;
    census->bytes += census_client_bytes(c);
    if (input > census->input_max) census->input_max = input;
    if (output > census->output_max) census->output_max = output;
}

static void publish(_Atomic uint64_t *gauge, uint64_t value) {
    atomic_store_explicit(gauge, value, memory_order_relaxed);
}

void census_end(struct census *census, struct worker *w) {
    struct statistics *s = &w->statistics;
    publish(&s->clients_bytes, census->bytes);
    publish(&s->clients_input_max, census->input_max);
    publish(&s->clients_output_max, census->output_max);
    *census = (struct census){0};
}
