/* test_keyspace.c: the keyspace against a plain model (an array of keys with value and deadline): random
 * operations in several databases while time passes, then each rule that a random walk may meet too seldom.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/base/text.h"
#include "shard/rt/clock.h"
#include "shard/store/evict.h"
#include "shard/store/keyspace.h"
#include "shard/store/policy.h"
#include "shard/store/value_methods.h"

enum { DATABASES = 3, KEYS = 400, VALUE_MAX = 3000 };

static struct thread me;
static struct visit v;
static struct random dice;
static int64_t now_ms = INT64_C(1700000000000);

static void setup(void) {
    clock_init();
    slot_init();
    random_seed(&me.random, 1);
    random_seed(&dice, 2);
    table_set_seed(3);
    slices_create(1, DATABASES);
    me.turn_unix_ms = now_ms;
    v = (struct visit){.thread = &me, .now_ms = now_ms};
    for (unsigned i = 0; i < slices.count; i++) cr_assert(hold_try(&slices.all[i].hold, &me));
}

static void pass_time(int64_t ms) {
    now_ms += ms;
    v.now_ms = now_ms;
    me.turn_unix_ms = now_ms;
}

static void set_switches(uint32_t switches) {
    for (unsigned i = 0; i < slices.count; i++) slices.all[i].switches = switches;
}

static void check_all(void) {
    for (unsigned i = 0; i < slices.count; i++) keyspace_check(&slices.all[i]);
}

static uint64_t total(size_t offset) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < slices.count; i++)
        sum += counter_get((_Atomic uint64_t *)(void *)((char *)&slices.all[i].counters + offset));
    return sum;
}
#define TOTAL(counter) total(offsetof(struct slice_counters, counter))

TestSuite(keyspace, .init = setup);

/* The model. */
struct wanted {
    bool present, raw;
    size_t len;
    int64_t when_ms;
    char bytes[VALUE_MAX];
};
static struct wanted model[DATABASES][KEYS];

static bool is_live(const struct wanted *w) {
    return w->present && (w->when_ms < 0 || now_ms <= w->when_ms);
}

/* Key n: of one byte to some hundreds, some with zero bytes. */
static struct key key_number(unsigned n, char *room) {
    size_t len = (size_t)sprintf(room, "%u:key", n);
    if (n % 7 == 0) {
        memset(room + len, 'x', 240 + n % 30);
        len += 240 + n % 30;
    }
    if (n % 5 == 0) room[len++] = 0;
    return key_make(room, len);
}

static struct entry **find(unsigned database, const struct key *k, enum keyspace_mode mode) {
    v.database = database;
    return keyspace_find(&v, k, mode);
}

static void verify(unsigned database, unsigned n) {
    char room[600], digits[TEXT_I64_MAX];
    struct key k = key_number(n, room);
    const struct wanted *w = &model[database][n];
    struct entry **at = find(database, &k, KEYSPACE_PEEK);
    cr_assert_eq(at != NULL, is_live(w), "key %u of database %u", n, database);
    if (!at) return;
    size_t len, key_len;
    const char *bytes = entry_string(*at, digits, &len);
    cr_assert_eq(len, w->len);
    cr_assert_eq(entry_string_len(*at), len);
    cr_assert(memcmp(bytes, w->bytes, len) == 0);
    cr_assert_eq(entry_when(*at), w->when_ms);
    cr_assert_eq(((*at)->flags & ENTRY_RAW) != 0, w->raw);
    const char *key = entry_key(*at, &key_len);
    cr_assert(key_len == k.len && memcmp(key, k.data, key_len) == 0);
    if (len > ENTRY_INLINE_MAX) cr_assert_eq(entry_encoding(*at), ENC_BLOB);
}

static void verify_all(void) {
    for (unsigned database = 0; database < DATABASES; database++)
        for (unsigned n = 0; n < KEYS; n++) verify(database, n);
}

static size_t random_len(void) {
    switch (random_below(&dice, 4)) {
    case 0: return random_below(&dice, 30);
    case 1: return random_below(&dice, 300);
    case 2: return random_below(&dice, ENTRY_INLINE_MAX + 20);
    default: return random_below(&dice, VALUE_MAX);
    }
}

/* A deadline for a new value: kept, none, or near; noted in the model. */
static int64_t random_deadline(struct wanted *w, bool present) {
    switch (random_below(&dice, 3)) {
    case 0:
        if (!present) w->when_ms = NO_TTL;
        return KEEP_TTL;
    case 1: return w->when_ms = NO_TTL;
    default: return w->when_ms = now_ms + (int64_t)random_below(&dice, 3000);
    }
}

static void do_set(unsigned database, unsigned n) {
    char room[600], bytes[VALUE_MAX];
    struct key k = key_number(n, room);
    struct wanted *w = &model[database][n];
    struct entry **at = find(database, &k, KEYSPACE_WRITE);
    struct value value;
    size_t len = random_len();
    for (size_t i = 0; i < len; i++) bytes[i] = (char)random_next(&dice);
    if (random_below(&dice, 3) == 0)
        len = text_from_i64(bytes, (int64_t)random_next(&dice) >> random_below(&dice, 64));
    switch (random_below(&dice, 3)) {
    case 0: value = (struct value){.form = VALUE_BLOB, .blob = blob_new_from(bytes, len)}; break;
    case 1: value = value_int((int64_t)random_next(&dice)), len = text_from_i64(bytes, value.integer); break;
    default: value = value_bytes(bytes, len); break;
    }
    value.raw = value.form != VALUE_INT && random_below(&dice, 4) == 0;
    int64_t when = random_deadline(w, at != NULL);
    keyspace_set(&v, &k, at, value, when);
    w->present = true;
    w->raw = value.raw;
    w->len = len;
    memcpy(w->bytes, bytes, len);
}

static void do_change(unsigned database, unsigned n) {
    char room[600], *data;
    struct key k = key_number(n, room);
    struct wanted *w = &model[database][n];
    struct entry **at = find(database, &k, KEYSPACE_WRITE);
    if (!at) return;
    if (random_below(&dice, 3) == 0) {
        int64_t number = (int64_t)random_next(&dice);
        keyspace_set_int(&v, &k, at, number);
        w->len = text_from_i64(w->bytes, number);
        w->raw = false;
        return;
    }
    size_t len = w->len + random_below(&dice, 40);
    if (random_below(&dice, 5) == 0) len += 1000;
    if (len > VALUE_MAX) return;
    at = keyspace_writable(&v, &k, at, len, &data);
    for (size_t i = w->len; i < len; i++) cr_assert_eq(data[i], 0);
    memset(w->bytes + w->len, 0, len - w->len);
    w->len = len;
    w->raw = true;
    if (len) w->bytes[len / 2] = data[len / 2] = 'c';
}

static void do_deadline(unsigned database, unsigned n) {
    char room[600];
    struct key k = key_number(n, room);
    struct wanted *w = &model[database][n];
    struct entry **at = find(database, &k, KEYSPACE_PEEK);
    if (!at) return;
    int64_t when = random_below(&dice, 3) ? now_ms + (int64_t)random_below(&dice, 5000) : NO_TTL;
    cr_assert_eq(keyspace_set_deadline(&v, &k, at, when), at);
    w->when_ms = when;
}

static void do_delete(unsigned database, unsigned n) {
    char room[600];
    struct key k = key_number(n, room);
    struct entry **at = find(database, &k, KEYSPACE_PEEK);
    if (at) keyspace_delete(&v, &k, at);
    model[database][n].present = false;
}

static void do_move_or_copy(unsigned database, unsigned n) {
    char room[600], other_room[600];
    unsigned to_database = (unsigned)random_below(&dice, DATABASES), to = (unsigned)random_below(&dice, KEYS);
    if (to_database == database && to == n) return;
    do_delete(to_database, to);
    struct key k = key_number(n, room), to_key = key_number(to, other_room);
    struct entry **at = find(database, &k, KEYSPACE_PEEK);
    if (!at) return;
    model[to_database][to] = model[database][n];
    if (random_below(&dice, 2)) {
        keyspace_copy(&v, &k, at, to_database, &to_key);
    } else {
        keyspace_move(&v, &k, at, to_database, &to_key);
        model[database][n].present = false;
    }
}

static void do_database(unsigned database) {
    if (random_below(&dice, 2)) {
        unsigned other = (unsigned)random_below(&dice, DATABASES);
        for (unsigned i = 0; i < slices.count; i++) keyspace_swap(&v, &slices.all[i], database, other);
        static struct wanted kept[KEYS];
        memcpy(kept, model[database], sizeof kept);
        memmove(model[database], model[other], sizeof kept);
        memcpy(model[other], kept, sizeof kept);
    } else {
        for (unsigned i = 0; i < slices.count; i++) {
            struct keyspace *ks = keyspace_detach(&v, &slices.all[i], database);
            cr_assert_eq(keyspace_count(&slices.all[i], database), 0);
            while (ks && keyspace_discard(ks, 3)) continue;
        }
        for (unsigned n = 0; n < KEYS; n++) model[database][n].present = false;
    }
}

static unsigned scanned;

static void note_scanned(void *arg, struct entry **at) {
    unsigned database = *(unsigned *)arg;
    size_t len;
    unsigned n = (unsigned)atoi(entry_key(*at, &len));
    cr_assert(is_live(&model[database][n]));
    scanned++;
}

/* Nothing changes in between, so SCAN returns at least every live key, and only such. */
static void do_scan(unsigned database) {
    size_t live = 0;
    scanned = 0;
    v.database = database;
    for (unsigned n = 0; n < KEYS; n++) live += is_live(&model[database][n]);
    for (unsigned i = 0; i < slices.count; i++) {
        uint64_t cursor = 0;
        do cursor = keyspace_scan(&v, &slices.all[i], cursor, note_scanned, &database);
        while (cursor);
    }
    cr_assert_geq(scanned, live);
    struct entry **at = keyspace_random(&v, &slices.all[random_below(&dice, slices.count)]);
    if (at) note_scanned(&database, at);
}

static void do_maintain(void) {
    for (unsigned i = 0; i < slices.count; i++)
        while (keyspace_maintain(&v, &slices.all[i], 50)) continue;
    size_t overdue = 0;
    for (unsigned database = 0; database < DATABASES; database++) {
        for (unsigned n = 0; n < KEYS; n++) {
            struct wanted *w = &model[database][n];
            overdue += w->present && w->when_ms >= 0 && w->when_ms < now_ms - WHEEL_TICK_MS;
            if (!is_live(w)) w->present = false;
        }
    }
    size_t live = 0, late = TOTAL(keys);
    for (unsigned database = 0; database < DATABASES; database++)
        for (unsigned n = 0; n < KEYS; n++) live += model[database][n].present;
    cr_assert_geq(late, live);
    cr_assert_leq(late - live, 60, "%zu keys of %zu overdue ones were left", late - live, overdue);
}

Test(keyspace, random_operations_against_a_model, .timeout = 300) {
    for (unsigned i = 0; i < 120000; i++) {
        unsigned database = (unsigned)random_below(&dice, DATABASES), n = (unsigned)random_below(&dice, KEYS);
        switch (random_below(&dice, 10)) {
        case 0:
        case 1:
        case 2: do_set(database, n); break;
        case 3:
        case 4: do_change(database, n); break;
        case 5: do_deadline(database, n); break;
        case 6: do_delete(database, n); break;
        case 7: do_move_or_copy(database, n); break;
        default: verify(database, n); break;
        }
        if (random_below(&dice, 10) == 0) pass_time((int64_t)random_below(&dice, 100));
        if (random_below(&dice, 3000) == 0) do_database(database);
        if (random_below(&dice, 500) == 0) do_scan(database);
        if (random_below(&dice, 500) == 0) do_maintain();
        if (i % 10000 == 0) verify_all();
        if (i % 1000 == 0) check_all();
    }
    verify_all();
    check_all();
    cr_assert_gt(TOTAL(expired), 100);
    cr_assert_eq(TOTAL(expired), v.expired);
}

/* What the account says is what the allocator says, and it is all given back. */
Test(keyspace, account_is_exact) {
    size_t begun = mem_used();
    for (unsigned i = 0; i < 20000; i++) {
        unsigned n = (unsigned)random_below(&dice, KEYS);
        switch (random_below(&dice, 5)) {
        case 0: do_change(0, n); break;
        case 1: do_deadline(0, n); break;
        case 2: do_delete(0, n); break;
        default: do_set(0, n); break;
        }
    }
    size_t around = 0;
    for (unsigned i = 0; i < slices.count; i++) {
        const struct keyspace *ks = slice_keyspace(&slices.all[i], 0);
        around += mem_size(ks) + table_bytes(&ks->table) + wheel_bytes(ks->wheel);
    }
    size_t used = mem_used() - begun, told = TOTAL(entry_bytes) + around;
    cr_assert_float_eq((double)used, (double)told, (double)used * 0.03, "%zu in use, %zu told", used, told);
    for (unsigned n = 0; n < KEYS; n++) do_delete(0, n);
    cr_assert_eq(TOTAL(entry_bytes), 0);
    cr_assert_eq(TOTAL(keys), 0);
    cr_assert_eq(TOTAL(expiring), 0);
}

static struct entry **put(const char *key, const char *text, int64_t when_ms) {
    struct key k = key_make(key, strlen(key));
    return keyspace_set(&v, &k, keyspace_find(&v, &k, KEYSPACE_WRITE), value_bytes(text, strlen(text)),
                        when_ms);
}

static struct entry **get(const char *key) {
    struct key k = key_make(key, strlen(key));
    return keyspace_find(&v, &k, KEYSPACE_READ);
}

Test(keyspace, deadline_is_over_only_after_it) {
    put("k", "v", now_ms + 100);
    pass_time(100);
    cr_assert_not_null(get("k"));
    pass_time(1);
    cr_assert_null(get("k"));
    cr_assert_eq(TOTAL(expired), 1);
    cr_assert_eq(v.expired, 1);
    cr_assert_eq(TOTAL(keys), 0);
    cr_assert_eq(TOTAL(hits), 1);
    cr_assert_eq(TOTAL(misses), 1);
}

Test(keyspace, set_over_an_expired_key_begins_anew) {
    put("k", "old", now_ms + 10);
    pass_time(11);
    struct entry **at = put("k", "new", KEEP_TTL);
    cr_assert_eq(entry_when(*at), NO_TTL);
    cr_assert_eq(TOTAL(expired), 1);
    cr_assert_eq(TOTAL(expiring), 0);
    cr_assert_eq(TOTAL(keys), 1);
}

Test(keyspace, replica_hides_and_keeps) {
    put("k", "v", now_ms + 10);
    set_switches(SWITCH_REPLICA);
    pass_time(1000);
    cr_assert_null(get("k"));
    struct key k = key_make("k", 1);
    cr_assert_null(keyspace_random(&v, k.slice));
    do keyspace_check(k.slice);
    while (keyspace_maintain(&v, k.slice, 100));
    cr_assert_eq(TOTAL(keys), 1);
    cr_assert_eq(TOTAL(expired), 0);
    cr_assert_eq(keyspace_count(k.slice, 0), 1);
    set_switches(0);
    cr_assert_null(get("k"));
    cr_assert_eq(TOTAL(expired), 1);
    cr_assert_eq(keyspace_count(k.slice, 0), 0);
}

static void maintain_all(void) {
    for (unsigned i = 0; i < slices.count; i++)
        while (keyspace_maintain(&v, &slices.all[i], 100)) continue;
}

/* What a replica's own clients let expire nobody else will delete; of the rest it stays known what is overdue. */
Test(keyspace, replica_deletes_what_was_set_here) {
    char key[32];
    put("theirs before", "v", now_ms + 10);
    put("ours", "v", NO_TTL);
    set_switches(SWITCH_REPLICA);
    struct key ours = key_make("ours", 4);
    keyspace_set_deadline(&v, &ours, get("ours"), now_ms + 10);
    v.follows = true;
    for (int i = 0; i < 200; i++) {
        snprintf(key, sizeof key, "theirs %d", i);
        put(key, "v", now_ms + 10);
    }
    v.follows = false;
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "ours %d", i);
        put(key, "v", now_ms + 5 + i);
    }
    cr_assert_eq(keyspaces_set_here(), 101);
    pass_time(50);
    maintain_all();
    check_all();
    cr_assert_lt(keyspaces_set_here(), 101);
    cr_assert_gt(keyspaces_set_here(), 0);
    pass_time(1000);
    maintain_all();
    check_all();
    cr_assert_eq(keyspaces_set_here(), 0);
    cr_assert_eq(TOTAL(keys), 201);
    cr_assert_eq(TOTAL(expired), 101);
    v.follows = true;
    struct key theirs = key_make("theirs 7", 8);
    keyspace_set_deadline(&v, &theirs, get("theirs 7"), now_ms + 100000);
    v.follows = false;
    set_switches(0);
    pass_time(50);
    maintain_all();
    check_all();
    cr_assert_eq(TOTAL(keys), 1);
    cr_assert_not_null(get("theirs 7"));
}

Test(keyspace, loading_and_following_see_what_is_past) {
    put("k", "v", now_ms + 10);
    pass_time(1000);
    struct key k = key_make("k", 1);
    v.follows = true;
    cr_assert_not_null(get("k"));
    cr_assert_not_null(keyspace_random(&v, k.slice));
    v.follows = false;
    set_switches(SWITCH_LOADING);
    cr_assert_not_null(get("k"));
    while (keyspace_maintain(&v, k.slice, 100)) continue;
    cr_assert_eq(TOTAL(keys), 1);
    struct entry **at = get("k");
    keyspace_set_deadline(&v, &k, at, NO_TTL);
    set_switches(0);
    cr_assert_not_null(get("k"));
    cr_assert_eq(TOTAL(expired), 0);
    check_all();
}

Test(keyspace, active_expiry_can_be_switched_off) {
    struct policy p = *policy_get();
    p.active_expire = false;
    policy_publish(&p);
    put("k", "v", now_ms + 10);
    pass_time(1000);
    struct key k = key_make("k", 1);
    while (keyspace_maintain(&v, k.slice, 100)) continue;
    cr_assert_eq(TOTAL(keys), 1);
    p.active_expire = true;
    policy_publish(&p);
    while (keyspace_maintain(&v, k.slice, 100)) continue;
    cr_assert_eq(TOTAL(keys), 0);
    cr_assert_eq(TOTAL(expired), 1);
}

Test(keyspace, encodings) {
    cr_assert_eq(entry_encoding(*put("a", "12345678901234567", NO_TTL)), ENC_INT);
    cr_assert_eq(entry_encoding(*put("a", "-9223372036854775808", NO_TTL)), ENC_INT);
    cr_assert_eq(entry_encoding(*put("a", "9223372036854775808", NO_TTL)), ENC_INLINE);
    cr_assert_eq(entry_encoding(*put("a", "012", NO_TTL)), ENC_INLINE);
    cr_assert_eq(entry_encoding(*put("a", "", NO_TTL)), ENC_INLINE);
    struct key k = key_make("a", 1);
    struct value raw = value_bytes("12", 2);
    raw.raw = true;
    struct entry **at = keyspace_set(&v, &k, get("a"), raw, NO_TTL);
    cr_assert_eq(entry_encoding(*at), ENC_INLINE);
    cr_assert((*at)->flags & ENTRY_RAW);
    at = keyspace_set_int(&v, &k, at, 7);
    cr_assert_eq(entry_encoding(*at), ENC_INT);
    cr_assert_not((*at)->flags & ENTRY_RAW);
}

Test(keyspace, same_layout_is_overwritten_in_place) {
    struct entry *e = *put("key", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", now_ms + 5000);
    cr_assert_eq(*put("key", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", KEEP_TTL), e);
    cr_assert_eq(*put("key", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", now_ms + 7000), e);
    cr_assert_eq(entry_when(e), now_ms + 7000);
    cr_assert_eq(*put("key", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", NO_TTL), e);
    cr_assert_eq(entry_when(e), NO_TTL);
    check_all();
    struct entry *big =
        *put("big", "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc", NO_TTL);
    size_t room = mem_size(big);
    cr_assert_lt(mem_size(*put("big", "x", NO_TTL)), room, "a small value does not keep a large block");
    check_all();
}

Test(keyspace, a_shared_blob_is_not_changed) {
    static char text[5000];
    memset(text, 'a', sizeof text - 1);
    struct entry **at = put("k", text, now_ms + 1000);
    struct blob *reply = blob_ref(entry_blob(*at));
    struct key k = key_make("k", 1), other = key_make("other", 5);
    char *data;
    at = keyspace_writable(&v, &k, at, sizeof text + 10, &data);
    memset(data, 'b', sizeof text + 10);
    cr_assert_neq(entry_blob(*at), reply);
    cr_assert_eq(reply->len, sizeof text - 1);
    for (size_t i = 0; i < reply->len; i++) cr_assert_eq(reply->data[i], 'a');
    blob_unref(reply);

    struct entry **copy = keyspace_copy(&v, &k, get("k"), 0, &other);
    cr_assert_eq(entry_blob(*copy), entry_blob(*get("k")));
    cr_assert_eq(entry_when(*copy), now_ms + 1000);
    keyspace_writable(&v, &other, copy, sizeof text + 10, &data);
    data[0] = 'c';
    cr_assert_eq(entry_blob(*get("k"))->data[0], 'b');
    cr_assert_eq(entry_blob(*get("other"))->data[0], 'c');
    check_all();
}

Test(keyspace, access_clock_follows_the_mode) {
    struct entry *e = *put("k", "v", NO_TTL);
    uint32_t born = e->access;
    struct key k = key_make("k", 1);
    pass_time(5000);
    keyspace_find(&v, &k, KEYSPACE_PEEK);
    cr_assert_eq(e->access, born);
    v.no_touch = true;
    keyspace_find(&v, &k, KEYSPACE_READ);
    cr_assert_eq(e->access, born);
    cr_assert_eq(access_idle_ms(e->access, now_ms) / 1000, 5);
    v.no_touch = false;
    keyspace_find(&v, &k, KEYSPACE_WRITE);
    cr_assert_eq(access_idle_ms(e->access, now_ms), 0);
    cr_assert_eq(TOTAL(hits), 1);
}

/* An object of another type, as a module of shard/type/ would bring. */
struct box {
    int freed, copies;
};
static struct box boxes[2];

static size_t box_effort(const void *object) {
    (void)object;
    return 1;
}
static bool box_free(void *object, size_t effort) {
    (void)effort;
    ((struct box *)object)->freed++;
    return false;
}
static void *box_copy(const void *object) {
    cr_assert_eq(object, &boxes[0]);
    boxes[0].copies++;
    return &boxes[1];
}
static size_t box_bytes(const void *object) {
    (void)object;
    return 1000;
}

static const char *box_encoding(const void *object) {
    (void)object;
    return "box";
}
static const struct value_methods box_methods = {.effort = box_effort,
                                                 .free_some = box_free,
                                                 .copy = box_copy,
                                                 .bytes = box_bytes,
                                                 .count = box_effort,
                                                 .encoding = box_encoding};

Test(keyspace, objects_are_copied_freed_and_counted_by_their_methods) {
    value_methods_register(TYPE_HASH, &box_methods);
    struct key k = key_make("k", 1), other = key_make("other", 5), third = key_make("third", 5);
    struct value value = {.form = VALUE_OBJECT, .object = {.pointer = &boxes[0], .type = TYPE_HASH}};
    struct entry **at = keyspace_set(&v, &k, NULL, value, now_ms + 10);
    cr_assert_eq(entry_type(*at), TYPE_HASH);
    cr_assert_eq(TOTAL(entry_bytes), 1000 + mem_size(*at));
    at = keyspace_copy(&v, &k, at, 1, &other);
    cr_assert_eq(entry_object(*at), &boxes[1]);
    at = keyspace_move(&v, &k, get("k"), 0, &third);
    cr_assert_eq(entry_object(*at), &boxes[0]);
    cr_assert_eq(boxes[0].freed, 0);
    cr_assert_eq(entry_encoding(*put("third", "12", NO_TTL)), ENC_INT);
    cr_assert_eq(boxes[0].freed, 1);
    check_all();
    v.database = 1;
    pass_time(11);
    cr_assert_null(get("other"));
    cr_assert_eq(boxes[1].freed, 1);
    check_all();
}

Test(keyspace, maintenance_stops_at_its_budget) {
    char room[600];
    for (unsigned n = 0; n < 40000; n++) {
        struct key k = key_make(room, (size_t)sprintf(room, "{same}%u", n));
        keyspace_set(&v, &k, NULL, value_bytes("v", 1), now_ms + n % 100);
    }
    struct slice *s = key_make("{same}", 6).slice;
    pass_time(1000);
    unsigned steps = 1;
    while (keyspace_maintain(&v, s, 100)) cr_assert_lt(++steps, 40000);
    cr_assert_gt(steps, 10);
    cr_assert_eq(TOTAL(keys), 0);
    cr_assert_eq(TOTAL(expired), 40000);
    keyspace_check(s);
}

Test(keyspace, find_without_the_hold_is_a_broken_invariant, .signal = SIGABRT) {
    struct key k = key_make("k", 1);
    hold_release(&k.slice->hold, &me);
    keyspace_find(&v, &k, KEYSPACE_READ);
}

Test(keyspace, random_finds_the_live_among_the_expired) {
    char room[64];
    struct slice *s = key_make("{same}", 6).slice;
    for (unsigned n = 0; n < 500; n++) {
        struct key k = key_make(room, (size_t)sprintf(room, "{same}%u", n));
        keyspace_set(&v, &k, NULL, value_bytes("v", 1), n ? now_ms + 10 : NO_TTL);
    }
    pass_time(11);
    struct entry **at = keyspace_random(&v, s);
    size_t len;
    cr_assert_not_null(at);
    cr_assert(memcmp(entry_key(*at, &len), "{same}0", 7) == 0);
    cr_assert_eq(len, 7);
    keyspace_check(s);
}
