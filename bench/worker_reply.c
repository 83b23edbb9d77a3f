/* worker_reply.c: see worker_reply.h. */
#include "bench/worker_reply.h"

#include "shard/base/assert.h"

#include <stdio.h>
#include <string.h>

void worker_reply_expect(struct worker *w, struct link *l) {
    if (l->parser.expected.count > 0 || l->count == 0) return;
    const uint32_t slot = l->first & l->mask;
    const struct workload_command *command = &w->plan->workload->command[l->waiting[slot].command];
    if (command->answer != ANSWER_VALUE && command->answer != ANSWER_VALUES) return;
    const unsigned count = template_keys(command->template);
    const char **values = w->expected + (size_t)l->index * (l->keys_each + 1);
    ASSERT(count <= l->keys_each);
    for (unsigned i = 0; i < count; i++)
        values[i] = payload_of(&w->plan->filling->payload, l->keys[(size_t)slot * l->keys_each + i]);
    reply_expect(&l->parser, (struct reply_expected){values, count, w->plan->filling->payload.largest});
}

/* Whether the reply is of the form that the command should give, with the values that were written. */
static bool as_expected(const struct workload_command *command, const struct reply *r) {
    if (r->wrong) return false;
    switch (command->answer) {
    case ANSWER_ANY: return true;
    case ANSWER_OK: return r->kind == '+';
    case ANSWER_NUMBER: return r->kind == ':';
    case ANSWER_VALUE: return r->kind == '$' || r->kind == '_';
    case ANSWER_VALUES: return r->kind == '*' && r->number == (int64_t)template_keys(command->template);
    case ANSWER_ARRAY: return r->kind == '*';
    }
    return false;
}

static void count_wrong(struct worker *w, struct command_counters *counters,
                        const struct workload_command *command, const struct reply *r) {
    histogram_bump(&counters->wrong, 1);
    if (w->first_wrong[0]) return;
    snprintf(w->first_wrong, sizeof w->first_wrong, "%s: a reply of type '%c' %s", command->title, r->kind,
             r->wrong ? "with another value than was written" : "that this command does not give");
}

void worker_reply_take(struct worker *w, struct link *l, uint64_t now) {
    ASSERT(l->count > 0);
    const struct waiting request = l->waiting[l->first & l->mask];
    const struct reply *r = &l->parser.reply;
    struct bench_client *client = &w->clients[l->client];
    ASSERT(client->outstanding > 0 && w->outstanding > 0);
    l->first++;
    l->count--;
    client->outstanding--;
    w->outstanding--;
    if (request.start_ns < w->from_ns) return; /* warm-up */
    struct command_counters *counters = &w->counters[request.command];
    histogram_record(&counters->latency, now > request.start_ns ? now - request.start_ns : 0);
    histogram_bump(&counters->replies, 1);
    atomic_store_explicit(&w->last_reply_ns, now, memory_order_relaxed);
    if (r->nulls) histogram_bump(&counters->nulls, r->nulls);
    if (r->error) {
        histogram_bump(&counters->errors, 1);
        if (!w->first_error[0]) memcpy(w->first_error, l->parser.text, sizeof w->first_error);
    } else if (w->plan->verify) {
        const struct workload_command *command = &w->plan->workload->command[request.command];
        if (!as_expected(command, r)) count_wrong(w, counters, command, r);
    }
}
