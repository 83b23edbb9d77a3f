/* test_snap.c: a snapshot against a plain model: whatever is done to keys while it goes on, in tables that
 * resize, it holds every key once, as it was at the cut.
 *
 * The format here is text: a line for each entry. A value is described by its length and its sum, so that a
 * change of one byte or member shows.
 */
#include "shard/store/snap.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shard/base/buf.h"
#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/rt/clock.h"
#include "shard/store/grave.h"
#include "shard/store/value_methods.h"
#include "shard/type/set.h"
#include "shard/type/types.h"

enum {
    DATABASES = 3,
    KEYS = 300,
    DESCRIPTION = 96,
    INTSET_MAX = 100000,
    STEPS_MAX = 1000000,
    KEY_MAX = 16,
};

/* What a key holds: "" is nothing. */
typedef char description[DESCRIPTION];
typedef description model[DATABASES][KEYS];

static struct thread me;
static struct visit v;
static struct random dice;
static int64_t now_ms = INT64_C(1700000000000);
static model at_cut, got;
static unsigned selected, values_done, slices_ended, discarded;
static uint64_t keys_told;

/* ---- the format ---- */

static void describe_bytes(char *to, const char *bytes, size_t len, int64_t when) {
    uint64_t sum = 0;
    for (size_t i = 0; i < len; i++) sum = sum * 31 + (unsigned char)bytes[i];
    snprintf(to, DESCRIPTION, "string of %zu, %" PRIx64 ", until %" PRId64, len, sum, when);
}

struct summing {
    uint64_t sum, count;
};

static bool sum_member(void *arg, struct set_member *m) {
    struct summing *s = arg;
    s->sum += (uint64_t)m->integer * UINT64_C(0x9e3779b97f4a7c15);
    s->count++;
    return true;
}

static void describe_set(char *to, const struct set *set, int64_t when) {
    struct summing s = {0};
    set_each(set, sum_member, &s);
    snprintf(to, DESCRIPTION, "set of %" PRIu64 ", %" PRIx64 ", until %" PRId64, s.count, s.sum, when);
}

static void describe_entry(char *to, const struct entry *e) {
    char digits[TEXT_I64_MAX];
    size_t len;
    if (entry_type(e) == TYPE_STRING) {
        const char *bytes = entry_string(e, digits, &len);
        describe_bytes(to, bytes, len, entry_when(e));
    } else {
        describe_set(to, entry_object(e), entry_when(e));
    }
}

struct snap_entries {
    struct buf text;
};

static struct snap_entries *format_open(const struct slice *s) {
    cr_assert(hold_is_mine(&s->hold, &me));
    return mem_zalloc(sizeof(struct snap_entries));
}

static void format_entry(struct snap_entries *out, unsigned database, const struct entry *e) {
    size_t len;
    const char *key = entry_key(e, &len);
    description is;
    describe_entry(is, e);
    buf_printf(&out->text, "S%u\nK%.*s=%s\n", database, (int)len, key, is);
}

/* In so many pieces. */
struct snap_value {
    struct buf text;
    void *value;
    enum value_type type;
    int64_t when_ms;
    unsigned pieces;
};

static struct snap_value *format_begin(const struct slice *s, unsigned database, const struct entry *e) {
    size_t len;
    const char *key = entry_key(e, &len);
    struct snap_value *w = mem_zalloc(sizeof *w);
    cr_assert(hold_is_mine(&s->hold, &me));
    w->value = entry_encoding(e) == ENC_BLOB ? (void *)entry_blob(e) : entry_object(e);
    w->type = entry_type(e);
    w->when_ms = entry_when(e);
    w->pieces = 1 + (unsigned)random_below(&dice, 6);
    buf_printf(&w->text, "S%u\nK%.*s=", database, (int)len, key);
    return w;
}

static bool format_step(struct snap_value *w) {
    if (--w->pieces > 0) return true;
    description is;
    const struct blob *b = w->value;
    if (w->type == TYPE_STRING)
        describe_bytes(is, b->data, b->len, w->when_ms);
    else
        describe_set(is, w->value, w->when_ms);
    buf_printf(&w->text, "%s\n", is);
    return false;
}

static void receive_line(const char *line) {
    if (line[0] == 'S') {
        selected = (unsigned)(line[1] - '0');
        cr_assert_lt(selected, DATABASES);
        return;
    }
    cr_assert(strncmp(line, "Kkey", 4) == 0, "not a line: %s", line);
    char *end;
    unsigned long number = strtoul(line + 4, &end, 10);
    cr_assert(number < KEYS && *end == '=', "not a line: %s", line);
    line = end + 1;
    cr_assert(!got[selected][number][0], "key%lu of database %u comes twice", number, selected);
    snprintf(got[selected][number], DESCRIPTION, "%s", line);
    keys_told++;
}

static void receive_lines(char *text) {
    selected = DATABASES;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) receive_line(line);
}

static void format_close(struct snap_entries *out, bool whole) {
    if (whole && out->text.len) receive_lines(out->text.data);
    slices_ended++;
    buf_free(&out->text);
    mem_free(out);
}

static void format_end(struct snap_value *w, bool whole) {
    if (whole) receive_lines(w->text.data);
    buf_free(&w->text);
    mem_free(w);
}

static void format_wanted(const struct slice *s) {
    cr_assert(s);
}

static void format_discard(struct thread *t, struct keyspace *ks) {
    cr_assert_eq(t, &me);
    discarded++;
    while (keyspace_discard(ks, 1000)) {
    }
}

static void format_value_done(struct thread *t) {
    (void)t;
    values_done++;
}

/* ---- the keys ---- */

static struct key key_of(unsigned number) {
    static char text[KEYS][KEY_MAX];
    snprintf(text[number], KEY_MAX, "key%u", number);
    return key_make(text[number], strlen(text[number]));
}

static struct entry **find(unsigned database, unsigned number, struct key *k) {
    *k = key_of(number);
    v.database = database;
    return keyspace_find(&v, k, KEYSPACE_WRITE);
}

static void hold_all(void) {
    for (unsigned i = 0; i < slices.count; i++) cr_assert(hold_try(&slices.all[i].hold, &me));
}

static void release_all(void) {
    for (unsigned i = 0; i < slices.count; i++) hold_release(&slices.all[i].hold, &me);
}

static void look_at_all(model m) {
    for (unsigned d = 0; d < DATABASES; d++)
        for (unsigned i = 0; i < KEYS; i++) {
            struct key k;
            struct entry **at = find(d, i, &k);
            m[d][i][0] = 0;
            if (at) describe_entry(m[d][i], *at);
        }
}

static void setup(void) {
    char why[512];
    clock_init();
    slot_init();
    types_register();
    table_set_seed(3);
    cr_assert(thread_start(&me, false, why, sizeof why), "%s", why);
    random_seed(&me.random, 1);
    random_seed(&dice, 2);
    slices_create(1, DATABASES);
    v = (struct visit){.thread = &me, .now_ms = now_ms, .writes = true};
    snap_format = (struct snap_format){
        .open = format_open,
        .entry = format_entry,
        .close = format_close,
        .begin = format_begin,
        .step = format_step,
        .end = format_end,
        .wanted = format_wanted,
        .discard = format_discard,
        .value_done = format_value_done,
    };
}

TestSuite(snap, .init = setup, .timeout = 120);

static void set_string(unsigned database, unsigned number, size_t len) {
    struct key k;
    struct entry **at = find(database, number, &k);
    char *bytes = mem_alloc(len + 1);
    memset(bytes, 'a' + (int)random_below(&dice, 26), len);
    keyspace_set(&v, &k, at, value_bytes(bytes, len), random_below(&dice, 3) ? NO_TTL : now_ms + 1000000);
    mem_free(bytes);
}

static void set_number(unsigned database, unsigned number) {
    struct key k;
    struct entry **at = find(database, number, &k);
    keyspace_set_int(&v, &k, at, (int64_t)random_below(&dice, 1000000));
}

static void set_set(unsigned database, unsigned number, unsigned members) {
    struct key k;
    struct entry **at = find(database, number, &k);
    struct set *set = NULL;
    for (unsigned i = 0; i < members; i++) {
        struct set_member m;
        bool added;
        set_member_from_int(&m, (int64_t)random_below(&dice, 1u << 30));
        set = set_add(set, &m, INTSET_MAX, &added);
    }
    struct value object = {.form = VALUE_OBJECT, .object = {set, TYPE_SET}};
    keyspace_set(&v, &k, at, object, NO_TTL);
}

static void make_value(unsigned database, unsigned number) {
    switch (random_below(&dice, 6)) {
    case 0: set_string(database, number, 30000); break;
    case 1: set_set(database, number, 6000); break;
    case 2: set_set(database, number, 20); break;
    case 3: set_string(database, number, 1500); break;
    case 4: set_number(database, number); break;
    default: set_string(database, number, random_below(&dice, 200));
    }
}

/* Changes what is there in place; half of the callers ask first whether they may. */
static void change(unsigned database, unsigned number) {
    struct key k;
    struct entry **at = find(database, number, &k);
    if (!at) return;
    if (random_below(&dice, 2) && snap_must_wait(&v, &k)) return;
    if (entry_encoding(*at) == ENC_INT) {
        set_number(database, number);
    } else if (entry_type(*at) == TYPE_STRING) {
        char *data;
        size_t len = entry_string_len(*at) + random_below(&dice, 2);
        keyspace_writable(&v, &k, at, len, &data);
        if (len) data[random_below(&dice, len)] ^= 1;
    } else {
        struct change c = keyspace_change(&v, &k, at);
        struct set_member m;
        bool added;
        set_member_from_int(&m, (int64_t)random_below(&dice, 1u << 30));
        struct set *set = set_add(entry_object(*at), &m, INTSET_MAX, &added);
        keyspace_changed(&v, &k, at, c, set);
    }
}

static void rename_key(unsigned database, unsigned number) {
    struct key from, to;
    unsigned to_database = (unsigned)random_below(&dice, DATABASES),
             to_number = (unsigned)random_below(&dice, KEYS);
    struct entry **at = find(to_database, to_number, &to);
    if (to_database == database && to_number == number) return;
    if (at) keyspace_delete(&v, &to, at);
    at = find(database, number, &from);
    if (!at) return;
    if (random_below(&dice, 3))
        keyspace_move(&v, &from, at, to_database, &to);
    else
        keyspace_copy(&v, &from, at, to_database, &to);
}

static void empty(unsigned database) {
    for (unsigned i = 0; i < slices.count; i++) {
        struct keyspace *ks = keyspace_detach(&v, &slices.all[i], database);
        while (ks && keyspace_discard(ks, 1000)) {
        }
    }
}

static void swap(unsigned a, unsigned b) {
    for (unsigned i = 0; i < slices.count; i++) keyspace_swap(&v, &slices.all[i], a, b);
}

static void something_happens(void) {
    unsigned database = (unsigned)random_below(&dice, DATABASES),
             number = (unsigned)random_below(&dice, KEYS);
    struct key k;
    struct entry **at;
    switch (random_below(&dice, 100)) {
    case 0: empty(database); return;
    case 1: swap(database, (unsigned)random_below(&dice, DATABASES)); return;
    default: break;
    }
    switch (random_below(&dice, 6)) {
    case 0: make_value(database, number); break;
    case 1: change(database, number); break;
    case 2: rename_key(database, number); break;
    case 3:
        at = find(database, number, &k);
        if (at) keyspace_delete(&v, &k, at);
        break;
    case 4:
        at = find(database, number, &k);
        if (at) keyspace_set_deadline(&v, &k, at, random_below(&dice, 2) ? NO_TTL : now_ms + 5000);
        break;
    default: set_string(database, number, 10);
    }
}

static void begin_snapshot(void) {
    snap_set_under_way(true);
    for (unsigned i = 0; i < slices.count; i++) snap_begin(&slices.all[i], snap_new());
    memset(got, 0, sizeof got);
    slices_ended = 0;
    keys_told = 0;
}

/* A step of some slice; the caller holds nothing. */
static void walk_a_step(bool credit) {
    struct slice *s = &slices.all[random_below(&dice, slices.count)];
    snap_step(&me, s, 1, credit);
}

static void finish_snapshot(void) {
    for (unsigned i = 0; i < slices.count; i++) {
        enum snap_progress progress = SNAP_MORE;
        for (int step = 0; step < STEPS_MAX && progress != SNAP_OVER; step++)
            progress = snap_step(&me, &slices.all[i], 10, true);
        cr_assert_eq(progress, SNAP_OVER);
    }
    snap_set_under_way(false);
}

static void compare(const model expected) {
    for (unsigned d = 0; d < DATABASES; d++)
        for (unsigned i = 0; i < KEYS; i++)
            cr_assert_str_eq(got[d][i], expected[d][i], "key%u of database %u", i, d);
}

static void clean_up(void) {
    hold_all();
    for (unsigned d = 0; d < DATABASES; d++) empty(d);
    release_all();
    graves_empty();
}

/* One thread runs these, and looks at everything very often: under a sanitizer a few rounds take as long as all of
 * them without. */
#if defined(__SANITIZE_THREAD__)
enum { ROUNDS = 4 };
#elif defined(__SANITIZE_ADDRESS__)
enum { ROUNDS = 12 };
#else
enum { ROUNDS = 40 };
#endif

Test(snap, holds_the_keys_of_the_cut_whatever_happens_meanwhile) {
    /* What must have happened once is up to the dice: a few rounds more where there are few. */
    for (int round = 0; round < ROUNDS || (round < 100 && (values_done == 0 || discarded == 0)); round++) {
        hold_all();
        for (int i = 0; i < 600; i++) something_happens();
        look_at_all(at_cut);
        begin_snapshot();
        release_all();
        unsigned happenings = (unsigned)random_below(&dice, 1200);
        for (unsigned i = 0; i < happenings; i++) {
            hold_all();
            something_happens();
            release_all();
            if (random_below(&dice, 3) == 0) walk_a_step(random_below(&dice, 4));
        }
        finish_snapshot();
        cr_assert_eq(slices_ended, slices.count);
        compare(at_cut);
        uint64_t keys = 0;
        for (unsigned d = 0; d < DATABASES; d++)
            for (unsigned i = 0; i < KEYS; i++) keys += at_cut[d][i][0] != 0;
        cr_assert_eq(keys_told, keys);
        hold_all();
        for (unsigned i = 0; i < slices.count; i++) keyspace_check(&slices.all[i]);
        release_all();
    }
    cr_assert_gt(values_done, 0, "somebody has waited");
    cr_assert_gt(discarded, 0, "a database was emptied in the middle");
    clean_up();
}

Test(snap, one_that_was_aborted_leaves_nothing_behind) {
    for (int round = 0; round < ROUNDS / 2; round++) {
        hold_all();
        for (int i = 0; i < 600; i++) something_happens();
        begin_snapshot();
        release_all();
        for (unsigned i = 0; i < 100; i++) {
            hold_all();
            something_happens();
            release_all();
            if (i == 50) snap_abort();
            walk_a_step(i < 50);
        }
        finish_snapshot();
        hold_all();
        look_at_all(at_cut);
        begin_snapshot();
        release_all();
        finish_snapshot();
        compare(at_cut);
    }
    clean_up();
}

Test(snap, without_credit_only_what_is_waited_for_is_saved) {
    struct key k;
    hold_all();
    set_set(0, 1, 6000);
    set_string(0, 2, 10);
    look_at_all(at_cut);
    begin_snapshot();
    struct slice *home = key_of(1).slice;
    release_all();
    cr_assert_eq(snap_step(&me, home, 100, false), SNAP_NO_CREDIT);
    hold_all();
    cr_assert(find(0, 1, &k) && snap_must_wait(&v, &k), "it has to be saved first");
    cr_assert(find(0, 2, &k) && !snap_must_wait(&v, &k), "small values are saved by those who change them");
    release_all();
    unsigned before = values_done;
    for (int i = 0; i < 100 && values_done == before; i++) snap_step(&me, home, 1, false);
    cr_assert_eq(values_done, before + 1);
    cr_assert_eq(keys_told, 1);
    hold_all();
    cr_assert(find(0, 1, &k) && !snap_must_wait(&v, &k));
    change(0, 1);
    release_all();
    finish_snapshot();
    compare(at_cut);
    clean_up();
}
