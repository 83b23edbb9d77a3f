/* The verifiers of recorded histories, shown histories made by hand: each way of being illegal must be
 * found, and what is merely concurrent must pass. See tests/history/model.h, linear.h, registers.h, ledger.h. */
#include <criterion/criterion.h>
#include <string.h>

#include "shard/base/random.h"
#include "tests/history/ledger.h"
#include "tests/history/linear.h"
#include "tests/history/queue.h"
#include "tests/history/registers.h"

enum { OPS_MAX = 64 };

static struct model_op ops[OPS_MAX];
static size_t count;

/* Adds a command of a connection, sent and answered at those times; the reply is an OK until said
 * otherwise. */
static struct model_op *add(unsigned connection, uint64_t invoked, uint64_t completed, enum model_kind kind) {
    cr_assert(count < OPS_MAX);
    struct model_op *op = &ops[count++];
    *op = (struct model_op){
        .kind = kind, .connection = connection, .invoked_ns = invoked, .completed_ns = completed};
    op->reply.type = MODEL_OK;
    return op;
}

static void key(struct model_op *op, unsigned k, int64_t value) {
    op->keys[op->key_count] = k;
    op->values[op->key_count++] = value;
}

static void answer(struct model_op *op, enum model_reply_type type, int64_t value) {
    op->reply.type = type;
    op->reply.values[op->reply.count++] = value;
}

static void mset(unsigned connection, uint64_t invoked, uint64_t completed, int64_t value) {
    struct model_op *op = add(connection, invoked, completed, MODEL_MSET);
    key(op, 0, value);
    key(op, 1, value);
}

static void mget(unsigned connection, uint64_t invoked, uint64_t completed, int64_t first, int64_t second) {
    struct model_op *op = add(connection, invoked, completed, MODEL_MGET);
    key(op, 0, 0);
    key(op, 1, 0);
    answer(op, MODEL_ARRAY, first);
    answer(op, MODEL_ARRAY, second);
}

static void get(unsigned connection, uint64_t invoked, uint64_t completed, unsigned k, int64_t value) {
    struct model_op *op = add(connection, invoked, completed, MODEL_GET);
    key(op, k, 0);
    answer(op, MODEL_VALUE, value);
}

static void set(unsigned connection, uint64_t invoked, uint64_t completed, unsigned k, int64_t value) {
    key(add(connection, invoked, completed, MODEL_SET), k, value);
}

static enum linear_verdict verdict(void) {
    struct model_state initial;
    model_clear(&initial);
    return linear_check(&initial, ops, count, NULL);
}

Test(history, accepts_the_empty_history) {
    cr_assert_eq(verdict(), LINEAR_LEGAL);
}

Test(history, accepts_a_sequence) {
    mset(0, 1, 2, 10);
    mget(0, 3, 4, 10, 10);
    set(0, 5, 6, 0, 20);
    mget(0, 7, 8, 20, 10);
    cr_assert_eq(verdict(), LINEAR_LEGAL);
}

Test(history, accepts_either_order_of_concurrent_writes) {
    mset(0, 1, 10, 10);
    mset(1, 2, 9, 20);
    mget(2, 11, 12, 10, 10);
    cr_assert_eq(verdict(), LINEAR_LEGAL);
    count = 2;
    mget(2, 11, 12, 20, 20);
    cr_assert_eq(verdict(), LINEAR_LEGAL);
}

Test(history, finds_a_torn_mget) {
    mset(0, 1, 10, 10);
    mset(1, 2, 9, 20);
    mget(2, 3, 8, 10, 20);
    cr_assert_eq(verdict(), LINEAR_ILLEGAL);
}

Test(history, finds_an_mget_that_saw_half_of_an_mset) {
    mset(0, 1, 10, 10);
    mget(1, 2, 3, 10, MODEL_ABSENT);
    cr_assert_eq(verdict(), LINEAR_ILLEGAL);
}

Test(history, finds_a_stale_read) {
    set(0, 1, 2, 0, 10);
    set(0, 3, 4, 0, 20);
    get(1, 5, 6, 0, 10);
    cr_assert_eq(verdict(), LINEAR_ILLEGAL);
}

Test(history, accepts_an_old_value_read_while_it_is_overwritten) {
    set(0, 1, 2, 0, 10);
    set(0, 3, 9, 0, 20);
    get(1, 4, 8, 0, 10);
    cr_assert_eq(verdict(), LINEAR_LEGAL);
}

Test(history, finds_a_value_that_comes_and_goes) {
    set(0, 1, 2, 0, 10);
    set(0, 3, 20, 0, 20);
    get(1, 4, 5, 0, 20);
    get(1, 6, 7, 0, 10);
    cr_assert_eq(verdict(), LINEAR_ILLEGAL);
}

Test(history, finds_a_reordered_pipeline) {
    /* One connection sent both at once, to different slices; another sees the second without the first. */
    set(0, 1, 10, 0, 10);
    set(0, 1, 10, 1, 20);
    mget(1, 2, 9, MODEL_ABSENT, 20);
    cr_assert_eq(verdict(), LINEAR_ILLEGAL);
    count = 2;
    mget(1, 2, 9, 10, MODEL_ABSENT);
    cr_assert_eq(verdict(), LINEAR_LEGAL);
}

Test(history, finds_a_pipeline_that_does_not_read_its_own_write) {
    set(0, 1, 10, 0, 10);
    get(0, 1, 10, 0, MODEL_ABSENT);
    cr_assert_eq(verdict(), LINEAR_ILLEGAL);
}

Test(history, finds_a_lost_update) {
    for (unsigned c = 0; c < 2; c++) {
        struct model_op *op = add(c, 1, 10, MODEL_INCR);
        key(op, 0, 0);
        answer(op, MODEL_NUMBER, 1);
    }
    cr_assert_eq(verdict(), LINEAR_ILLEGAL);
}

Test(history, finds_two_winners_of_msetnx) {
    for (unsigned c = 0; c < 2; c++) {
        struct model_op *op = add(c, 1, 10, MODEL_MSETNX);
        key(op, c, 10 + c);
        key(op, 2, 20 + c);
        answer(op, MODEL_NUMBER, 1);
    }
    cr_assert_eq(verdict(), LINEAR_ILLEGAL);
}

Test(history, finds_a_rename_seen_half_way) {
    for (int64_t seen = 0; seen <= 2; seen++) {
        count = 0;
        set(0, 1, 2, 0, 10);
        struct model_op *op = add(0, 3, 10, MODEL_RENAME);
        key(op, 0, 0);
        key(op, 1, 0);
        op = add(1, 4, 9, MODEL_EXISTS);
        key(op, 0, 0);
        key(op, 1, 0);
        answer(op, MODEL_NUMBER, seen);
        cr_assert_eq(verdict(), seen == 1 ? LINEAR_LEGAL : LINEAR_ILLEGAL);
    }
}

Test(history, finds_a_flushall_seen_half_way) {
    mset(0, 1, 2, 10);
    add(0, 3, 10, MODEL_FLUSHALL);
    mget(1, 4, 9, MODEL_ABSENT, 10);
    cr_assert_eq(verdict(), LINEAR_ILLEGAL);
}

Test(history, finds_keys_that_mixes_two_instants) {
    mset(0, 1, 2, 10);
    struct model_op *op = add(0, 3, 20, MODEL_DEL);
    key(op, 0, 0);
    key(op, 1, 0);
    answer(op, MODEL_NUMBER, 2);
    answer(add(1, 4, 19, MODEL_KEYS_ALL), MODEL_NUMBER, 1);
    cr_assert_eq(verdict(), LINEAR_ILLEGAL);
}

Test(history, finds_a_swapdb_seen_half_way) {
    set(0, 1, 2, 0, 10);
    add(0, 3, 20, MODEL_SWAPDB);
    get(1, 4, 5, 0, MODEL_ABSENT); /* so the swap is done */
    struct model_op *op = add(1, 6, 7, MODEL_GET);
    op->database = 1;
    key(op, 0, 0);
    answer(op, MODEL_VALUE, MODEL_ABSENT);
    cr_assert_eq(verdict(), LINEAR_ILLEGAL);
    op->reply.values[0] = 10;
    cr_assert_eq(verdict(), LINEAR_LEGAL);
}

Test(history, finds_a_copy_that_lost_the_time_to_live) {
    set(0, 1, 2, 0, 10);
    struct model_op *op = add(0, 3, 4, MODEL_EXPIRE);
    key(op, 0, 0);
    answer(op, MODEL_NUMBER, 1);
    op = add(0, 5, 6, MODEL_COPY);
    key(op, 0, 0);
    key(op, 1, 0);
    answer(op, MODEL_NUMBER, 1);
    op = add(0, 7, 8, MODEL_TTL);
    key(op, 1, 0);
    answer(op, MODEL_NUMBER, -1);
    cr_assert_eq(verdict(), LINEAR_ILLEGAL);
    op->reply.values[0] = 1;
    cr_assert_eq(verdict(), LINEAR_LEGAL);
}

Test(history, accepts_a_flushall_that_comes_after_a_write_it_could_precede) {
    /* At first it would find nothing to remove; it has to wait for the MSET all the same. */
    add(0, 1, 20, MODEL_FLUSHALL);
    mset(1, 1, 20, 10);
    mget(2, 2, 3, 10, 10);
    mget(2, 4, 5, MODEL_ABSENT, MODEL_ABSENT);
    cr_assert_eq(verdict(), LINEAR_LEGAL);
}

Test(history, finds_a_value_read_after_it_was_overwritten_for_good) {
    set(0, 1, 2, 0, 5 * MODEL_VALUE_STEP);
    set(0, 3, 4, 0, 6 * MODEL_VALUE_STEP);
    for (unsigned c = 1; c < 6; c++) set(c, 5, 50, 1, (10 + c) * MODEL_VALUE_STEP);
    get(7, 60, 61, 0, 5 * MODEL_VALUE_STEP);
    cr_assert_eq(verdict(), LINEAR_ILLEGAL);
}

Test(history, accepts_a_counter_that_was_read_between_steps) {
    set(0, 1, 2, 0, 5 * MODEL_VALUE_STEP);
    struct model_op *op = add(0, 3, 9, MODEL_INCR);
    key(op, 0, 0);
    answer(op, MODEL_NUMBER, 5 * MODEL_VALUE_STEP + 1);
    get(1, 4, 8, 0, 5 * MODEL_VALUE_STEP);
    get(1, 4, 8, 0, 5 * MODEL_VALUE_STEP + 1);
    cr_assert_eq(verdict(), LINEAR_LEGAL);
}

/* A round as a correct server would answer it: random commands of several connections in a random order,
 * each with a span of time around its instant. */
static void random_round(struct random *r) {
    struct model_state state;
    model_clear(&state);
    count = 0;
    for (unsigned i = 0; i < 40; i++) {
        enum model_kind kind = (enum model_kind)random_below(r, MODEL_KINDS);
        uint64_t instant = 1000 + 10 * i;
        struct model_op *op = add((unsigned)random_below(r, 6), instant - random_below(r, 100), 0, kind);
        op->completed_ns = instant + random_below(r, 100);
        op->database = (unsigned)random_below(r, MODEL_DATABASES);
        unsigned first = (unsigned)random_below(r, MODEL_KEYS);
        for (unsigned k = 0; k < 2; k++)
            key(op, (first + k) % MODEL_KEYS, (1 + 2 * (int64_t)i + k) * MODEL_VALUE_STEP);
        op->reply = model_run(&state, op);
    }
}

Test(history, accepts_random_legal_rounds_and_finds_a_changed_reply) {
    struct random r;
    random_seed(&r, 7);
    unsigned found = 0, changed = 0;
    for (unsigned round = 0; round < 300; round++) {
        random_round(&r);
        cr_assert_eq(verdict(), LINEAR_LEGAL, "round %u", round);
        struct model_op *op = ops;
        while (op < ops + count && (op->reply.type != MODEL_VALUE || op->reply.values[0] == MODEL_ABSENT))
            op++;
        if (op == ops + count) continue;
        op->reply.values[0] = 987654321; /* nobody wrote that */
        changed++;
        found += verdict() == LINEAR_ILLEGAL;
    }
    cr_assert(changed > 100, "%u", changed);
    cr_assert_eq(found, changed);
}

/* The same for registers. */

static struct register_op accesses[OPS_MAX];

static struct register_op *access_add(unsigned connection, uint64_t invoked, uint64_t completed) {
    cr_assert(count < OPS_MAX);
    accesses[count] =
        (struct register_op){.connection = connection, .invoked_ns = invoked, .completed_ns = completed};
    return &accesses[count++];
}

static void write_group(unsigned connection, uint64_t invoked, uint64_t completed, unsigned group,
                        uint64_t value) {
    register_write(access_add(connection, invoked, completed), group, value);
}

static void read_group(unsigned connection, uint64_t invoked, uint64_t completed, unsigned group,
                       uint64_t value) {
    uint64_t values[3] = {value, value, value};
    register_read(access_add(connection, invoked, completed), group, values, 3);
}

/* Two groups, both 1 at first. */
static void begin(void) {
    count = 0;
    struct register_op *op = access_add(0, 1, 2);
    register_write(op, 0, 1);
    register_write(op, 1, 1);
}

static enum register_fault fault(void) {
    return registers_check(accesses, count).fault;
}

Test(registers, accepts_concurrent_writes_seen_in_one_order) {
    begin();
    write_group(1, 10, 20, 0, 2);
    write_group(2, 11, 19, 0, 3);
    read_group(3, 12, 13, 0, 1);
    read_group(3, 14, 15, 0, 3);
    read_group(3, 16, 17, 0, 2);
    read_group(4, 21, 22, 0, 2);
    cr_assert_eq(fault(), REGISTERS_FINE);
}

Test(registers, finds_a_torn_read) {
    begin();
    write_group(1, 10, 20, 0, 2);
    uint64_t values[3] = {2, 2, 1};
    register_read(access_add(2, 11, 19), 0, values, 3);
    cr_assert_eq(fault(), REGISTERS_TORN);
}

Test(registers, finds_a_value_nobody_wrote) {
    begin();
    read_group(1, 10, 11, 0, 99);
    cr_assert_eq(fault(), REGISTERS_UNKNOWN);
    begin();
    read_group(1, 10, 11, 0, REGISTERS_NONE);
    cr_assert_eq(fault(), REGISTERS_UNKNOWN);
}

Test(registers, finds_a_stale_read) {
    begin();
    write_group(1, 10, 11, 0, 2);
    read_group(2, 12, 13, 0, 1);
    cr_assert_eq(fault(), REGISTERS_CYCLE);
}

Test(registers, finds_two_readers_who_disagree_on_the_order) {
    begin();
    write_group(1, 10, 50, 0, 2);
    write_group(2, 10, 50, 0, 3);
    read_group(3, 11, 12, 0, 2);
    read_group(3, 13, 14, 0, 3);
    read_group(4, 11, 12, 0, 3);
    read_group(4, 13, 14, 0, 2);
    cr_assert_eq(fault(), REGISTERS_CYCLE);
}

Test(registers, finds_a_reordered_pipeline_across_groups) {
    begin();
    write_group(1, 10, 50, 0, 2);
    write_group(1, 10, 50, 1, 2);
    struct register_op *op = access_add(2, 11, 49);
    uint64_t old[2] = {1, 1}, new[2] = {2, 2};
    register_read(op, 0, old, 2);
    register_read(op, 1, new, 2);
    cr_assert_eq(fault(), REGISTERS_CYCLE);
}

Test(registers, finds_a_pipeline_that_does_not_read_its_own_write) {
    begin();
    write_group(1, 10, 50, 0, 2);
    read_group(1, 10, 50, 0, 1);
    cr_assert_eq(fault(), REGISTERS_CYCLE);
}

Test(registers, finds_a_read_skew_between_two_groups) {
    /* Each reader sees one of two independent writes and not the other: no order serves both. */
    begin();
    write_group(1, 10, 50, 0, 2);
    write_group(2, 10, 50, 1, 3);
    uint64_t first[2] = {1, 1}, second[2] = {2, 2}, third[2] = {3, 3};
    struct register_op *op = access_add(3, 11, 49);
    register_read(op, 0, second, 2);
    register_read(op, 1, first, 2);
    op = access_add(4, 11, 49);
    register_read(op, 0, first, 2);
    register_read(op, 1, third, 2);
    cr_assert_eq(fault(), REGISTERS_CYCLE);
}

Test(registers, finds_a_lost_update) {
    begin();
    uint64_t old[1] = {1};
    for (unsigned c = 1; c <= 2; c++) {
        struct register_op *op = access_add(c, 10, 50);
        register_read(op, 0, old, 1);
        register_write(op, 0, 10 + c);
    }
    cr_assert_eq(fault(), REGISTERS_CYCLE);
}

Test(registers, finds_a_flushall_undone) {
    begin();
    struct register_op *op = access_add(1, 10, 20);
    register_write(op, 0, REGISTERS_NONE);
    register_write(op, 1, REGISTERS_NONE);
    read_group(2, 11, 12, 0, REGISTERS_NONE);
    read_group(2, 13, 14, 1, REGISTERS_NONE);
    cr_assert_eq(fault(), REGISTERS_FINE);
    read_group(2, 15, 16, 0, 1);
    cr_assert_eq(fault(), REGISTERS_CYCLE);
}

/* ---- transactions ---- */

Test(history, accepts_what_surrounds_a_transaction) {
    set(0, 1, 9, 0, 10);
    ops[0].more = true;
    set(0, 1, 9, 1, 20);
    mget(1, 2, 3, MODEL_ABSENT, MODEL_ABSENT);
    mget(1, 4, 8, 10, 20);
    cr_assert_eq(verdict(), LINEAR_LEGAL);
}

Test(history, finds_half_a_transaction) {
    set(0, 1, 9, 0, 10);
    set(0, 1, 9, 1, 20);
    mget(1, 2, 8, 10, MODEL_ABSENT);
    cr_assert_eq(verdict(), LINEAR_LEGAL, "as two commands");
    ops[0].more = true;
    cr_assert_eq(verdict(), LINEAR_ILLEGAL, "as one");
}

Test(history, finds_what_came_between_the_commands_of_a_transaction) {
    get(0, 1, 9, 0, MODEL_ABSENT);
    set(0, 1, 9, 1, 20);
    set(1, 2, 8, 0, 30);
    get(1, 2, 8, 1, MODEL_ABSENT);
    cr_assert_eq(verdict(), LINEAR_LEGAL);
    ops[0].more = ops[2].more = true;
    cr_assert_eq(verdict(), LINEAR_ILLEGAL, "each has to be first");
    ops[3].reply.values[0] = 20;
    cr_assert_eq(verdict(), LINEAR_LEGAL, "the second saw all of the first");
    ops[0].reply.values[0] = 30;
    cr_assert_eq(verdict(), LINEAR_ILLEGAL, "each saw the other");
}

/* ---- ledgers ---- */

static struct ledger_event events[OPS_MAX];
static size_t event_count;

/* A reader that saw these two cells. */
static struct ledger_event *ledger_read(unsigned connection, uint64_t invoked, uint64_t serial, int64_t first,
                                        int64_t second) {
    cr_assert(event_count < OPS_MAX);
    struct ledger_event *e = &events[event_count++];
    *e = (struct ledger_event){
        .connection = connection, .serial = serial, .invoked_ns = invoked, .completed_ns = invoked + 1};
    e->seen[0] = first;
    e->seen[1] = second;
    return e;
}

/* A transfer of one from the first cell to the second. */
static struct ledger_event *ledger_transfer(unsigned connection, uint64_t invoked, uint64_t serial,
                                            int64_t first, int64_t second) {
    struct ledger_event *e = ledger_read(connection, invoked, serial, first, second);
    e->writes = true;
    e->delta[0] = -1;
    e->delta[1] = 1;
    return e;
}

static enum ledger_fault ledger_fault(void) {
    struct ledger_verdict verdict = ledger_check(events, event_count);
    cr_assert_eq(verdict.fault == LEDGER_FINE, verdict.culprits == 0);
    return verdict.fault;
}

Test(ledger, accepts_a_sequence) {
    cr_assert_eq(ledger_fault(), LEDGER_FINE);
    ledger_read(1, 1, 0, 0, 0);
    ledger_transfer(0, 3, 1, -1, 1);
    ledger_read(1, 5, 1, -1, 1);
    ledger_transfer(1, 7, 2, -2, 2);
    cr_assert_eq(ledger_fault(), LEDGER_FINE);
}

Test(ledger, accepts_any_order_of_what_is_concurrent) {
    ledger_transfer(0, 1, 2, -2, 2)->completed_ns = 20;
    ledger_transfer(1, 2, 1, -1, 1)->completed_ns = 20;
    ledger_read(2, 3, 0, 0, 0)->completed_ns = 20;
    ledger_read(3, 4, 2, -2, 2);
    ledger_read(3, 6, 2, -2, 2);
    cr_assert_eq(ledger_fault(), LEDGER_FINE);
}

Test(ledger, accepts_readers_of_one_state_in_any_order) {
    ledger_transfer(0, 1, 1, -1, 1);
    ledger_read(1, 8, 1, -1, 1);
    ledger_read(2, 3, 1, -1, 1);
    cr_assert_eq(ledger_fault(), LEDGER_FINE);
}

Test(ledger, finds_a_transfer_seen_half_way) {
    ledger_transfer(0, 1, 1, -1, 1)->completed_ns = 9;
    ledger_read(1, 2, 0, -1, 0);
    cr_assert_eq(ledger_fault(), LEDGER_STATE);
    cr_assert_not(ledger_sums_to(&events[1], 0));
    cr_assert(ledger_sums_to(&events[0], 0));
}

Test(ledger, finds_a_clock_that_is_ahead_of_the_accounts) {
    ledger_transfer(0, 1, 1, -1, 1)->completed_ns = 9;
    ledger_read(1, 2, 1, 0, 0);
    cr_assert_eq(ledger_fault(), LEDGER_STATE);
}

Test(ledger, finds_write_skew) {
    /* Both saw 0 0; one counted up the first cell, the other the second: each would be number one. */
    ledger_read(0, 1, 1, 1, 0)->writes = true;
    events[0].delta[0] = 1;
    ledger_read(1, 1, 1, 0, 1)->writes = true;
    events[1].delta[1] = 1;
    cr_assert_eq(ledger_fault(), LEDGER_SERIAL);
    cr_assert_eq(ledger_check(events, event_count).culprits, 2);
}

Test(ledger, finds_a_lost_update) {
    ledger_read(0, 1, 1, 1, 0)->writes = true;
    events[0].delta[0] = 1;
    ledger_read(1, 1, 1, 1, 0)->writes = true;
    events[1].delta[0] = 1;
    cr_assert_eq(ledger_fault(), LEDGER_SERIAL);
}

Test(ledger, finds_a_transfer_that_was_refused_and_yet_took_effect) {
    ledger_transfer(0, 1, 1, -1, 1);
    ledger_transfer(0, 5, 3, -3, 3);
    cr_assert_eq(ledger_fault(), LEDGER_SERIAL);
    event_count = 1;
    ledger_read(1, 5, 2, -2, 2);
    cr_assert_eq(ledger_fault(), LEDGER_SERIAL);
}

Test(ledger, finds_a_stale_read) {
    ledger_transfer(0, 1, 1, -1, 1);
    ledger_transfer(0, 3, 2, -2, 2);
    ledger_read(1, 5, 1, -1, 1);
    cr_assert_eq(ledger_fault(), LEDGER_TIME);
    ledger_read(1, 7, 2, -2, 2);
    cr_assert_eq(ledger_fault(), LEDGER_TIME);
}

Test(ledger, finds_a_read_of_what_was_not_yet_sent) {
    ledger_read(1, 1, 1, -1, 1);
    ledger_transfer(0, 3, 1, -1, 1);
    cr_assert_eq(ledger_fault(), LEDGER_TIME);
}

Test(ledger, finds_two_readers_who_go_back_in_time) {
    ledger_transfer(0, 1, 1, -1, 1)->completed_ns = 20;
    ledger_read(1, 2, 1, -1, 1);
    ledger_read(2, 6, 0, 0, 0);
    cr_assert_eq(ledger_fault(), LEDGER_TIME);
}

Test(ledger, finds_a_pipeline_out_of_order) {
    ledger_transfer(0, 1, 2, -2, 2)->completed_ns = 9; /* both were sent at once */
    ledger_transfer(0, 1, 1, -1, 1)->completed_ns = 9;
    cr_assert_eq(ledger_fault(), LEDGER_SESSION);
    events[1].connection = 1;
    cr_assert_eq(ledger_fault(), LEDGER_FINE);
    event_count = 0;
    ledger_transfer(0, 1, 1, -1, 1)->completed_ns = 9;
    ledger_read(0, 1, 0, 0, 0)->completed_ns = 9;
    cr_assert_eq(ledger_fault(), LEDGER_SESSION);
}

/* ---- queues ---- */

static struct queue_op pops[OPS_MAX];
static size_t pop_count;

static struct queue_op *queue_push(unsigned connection, uint64_t invoked, unsigned list, uint64_t value) {
    cr_assert(pop_count < OPS_MAX);
    struct queue_op *op = &pops[pop_count++];
    *op = (struct queue_op){.kind = QUEUE_PUSH,
                            .connection = connection,
                            .list = list,
                            .value = value,
                            .invoked_ns = invoked,
                            .completed_ns = invoked + 1,
                            .waits_ns = UINT64_MAX};
    return op;
}

/* A pop that named lists 1 and 2. */
static struct queue_op *queue_pop(unsigned connection, uint64_t invoked, unsigned list, uint64_t value) {
    struct queue_op *op = queue_push(connection, invoked, list, value);
    op->kind = QUEUE_POP;
    op->lists[0] = 1;
    op->lists[1] = 2;
    op->list_count = 2;
    return op;
}

static struct queue_op *queue_timeout(unsigned connection, uint64_t invoked, uint64_t patient) {
    struct queue_op *op = queue_pop(connection, invoked, 0, 0);
    op->kind = QUEUE_TIMEOUT;
    op->patient_ns = patient;
    op->completed_ns = patient + 1;
    return op;
}

static enum queue_fault queue_fault(uint32_t sorted) {
    struct queue_verdict verdict = queue_check(pops, pop_count, sorted);
    cr_assert_eq(verdict.fault == QUEUE_FINE, verdict.culprits == 0);
    return verdict.fault;
}

Test(queue, accepts_a_sequence_and_one_that_waited) {
    cr_assert_eq(queue_fault(0), QUEUE_FINE);
    queue_push(0, 1, 1, 10);
    queue_push(0, 3, 1, 11);
    queue_pop(1, 5, 1, 10);
    queue_pop(1, 7, 1, 11);
    queue_pop(1, 9, 2, 20)->completed_ns = 20;
    queue_push(0, 12, 2, 20);
    queue_timeout(1, 30, 40);
    cr_assert_eq(queue_fault(0), QUEUE_FINE);
    queue_push(0, 38, 1, 12)->completed_ns = 40; /* as its time is over */
    queue_pop(2, 50, 1, 12);
    cr_assert_eq(queue_fault(0), QUEUE_FINE);
}

Test(queue, finds_an_element_from_nowhere) {
    queue_pop(1, 5, 1, 10);
    cr_assert_eq(queue_fault(0), QUEUE_UNKNOWN);
    queue_push(0, 1, 2, 10); /* elsewhere */
    cr_assert_eq(queue_fault(0), QUEUE_UNKNOWN);
    queue_push(0, 8, 1, 10); /* too late */
    pops[1].value = 11;
    cr_assert_eq(queue_fault(0), QUEUE_UNKNOWN);
}

Test(queue, finds_an_element_given_twice) {
    queue_push(0, 1, 1, 10);
    queue_pop(1, 5, 1, 10);
    queue_pop(2, 5, 1, 10);
    cr_assert_eq(queue_fault(0), QUEUE_TWICE);
}

Test(queue, finds_a_lost_element) {
    queue_push(0, 1, 1, 10);
    queue_timeout(1, 2, 3);
    cr_assert_eq(queue_fault(0), QUEUE_LOST);
}

Test(queue, lets_each_client_that_hung_up_take_one_along) {
    queue_push(0, 1, 1, 10);
    queue_timeout(1, 2, 3)->kind = QUEUE_GONE;
    cr_assert_eq(queue_fault(0), QUEUE_FINE);
    queue_push(0, 1, 1, 11);
    cr_assert_eq(queue_fault(0), QUEUE_LOST);
    pops[2].list = 3; /* for which it did not wait */
    pops[1].kind = QUEUE_GONE;
    pops[0].kind = QUEUE_PUSH;
    cr_assert_eq(queue_fault(0), QUEUE_LOST);
}

/* Who waited for both lists may have to stand for the one that nobody else waited for. */
Test(queue, finds_who_took_what_along) {
    queue_timeout(1, 2, 3)->kind = QUEUE_GONE;
    queue_timeout(2, 2, 3)->kind = QUEUE_GONE;
    pops[1].list_count = 1; /* list 1 */
    queue_push(0, 1, 1, 10);
    queue_push(0, 1, 2, 20);
    cr_assert_eq(queue_fault(0), QUEUE_FINE);
    queue_push(0, 1, 1, 11);
    cr_assert_eq(queue_fault(0), QUEUE_LOST);
}

Test(queue, finds_elements_out_of_order) {
    queue_push(0, 1, 1, 11);
    queue_push(0, 3, 1, 10);
    queue_pop(1, 5, 1, 10);
    queue_pop(1, 7, 1, 11);
    cr_assert_eq(queue_fault(0), QUEUE_ORDER);
    pops[3].invoked_ns = 5; /* both at the same time */
    cr_assert_eq(queue_fault(0), QUEUE_FINE);
    pops[3].invoked_ns = 7;
    pops[1].invoked_ns = 1; /* one command's, in this order */
    cr_assert_eq(queue_fault(0), QUEUE_ORDER);
    pops[1].connection = 2; /* pushed at the same time */
    cr_assert_eq(queue_fault(0), QUEUE_FINE);
}

Test(queue, finds_a_higher_score_popped_first) {
    queue_push(0, 1, 1, 11);
    queue_push(0, 3, 1, 10);
    queue_pop(1, 5, 1, 11);
    queue_pop(1, 7, 1, 10);
    cr_assert_eq(queue_fault(1 << 1), QUEUE_ORDER);
    cr_assert_eq(queue_fault(0), QUEUE_FINE);
    pops[1].completed_ns = 6; /* the lower one came while the other was popped */
    cr_assert_eq(queue_fault(1 << 1), QUEUE_FINE);
}

Test(queue, finds_a_key_passed_over) {
    queue_push(0, 1, 1, 10);
    queue_push(0, 1, 2, 20);
    queue_pop(1, 5, 2, 20);
    queue_pop(1, 7, 1, 10);
    cr_assert_eq(queue_fault(0), QUEUE_PASSED);
    pops[3].invoked_ns = 4;
    cr_assert_eq(queue_fault(0), QUEUE_FINE);
}

Test(queue, finds_who_timed_out_although_there_was_something) {
    queue_push(0, 5, 2, 20);
    queue_timeout(1, 1, 10);
    queue_pop(2, 20, 2, 20);
    cr_assert_eq(queue_fault(0), QUEUE_PASSED);
    pops[2].invoked_ns = 11; /* may have been popped by then */
    cr_assert_eq(queue_fault(0), QUEUE_FINE);
}

Test(queue, finds_who_was_served_out_of_turn) {
    queue_pop(1, 1, 2, 20)->completed_ns = 30;
    pops[0].waits_ns = 4;
    queue_pop(2, 5, 1, 10)->completed_ns = 12;
    queue_push(0, 10, 1, 10);
    queue_push(0, 20, 2, 20);
    cr_assert_eq(queue_fault(0), QUEUE_TURN);
    pops[0].waits_ns = 6; /* seen waiting too late to know */
    cr_assert_eq(queue_fault(0), QUEUE_FINE);
    pops[0].waits_ns = 4;
    pops[0].lists[0] = 3; /* not for what the other got */
    cr_assert_eq(queue_fault(0), QUEUE_FINE);
}
