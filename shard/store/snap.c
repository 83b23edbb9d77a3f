/* snap.c: see snap.h.
 *
 * What a snapshot has of a slice (struct snap) is guarded by the slice's hold. The items of all slices that are
 * not done are also in one list under a spin lock, so that whoever holds a value can find its item: whether
 * an item still needs its value, and who owns that, changes under this lock. Bytes of a value are made under
 * the hold of the slice where it lives, or, once it is the item's own, by the walk alone.
 */
#include "shard/store/snap.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"
#include "shard/rt/spin.h"
#include "shard/store/grave.h"
#include "shard/store/value_methods.h"

/* A value that is saved in pieces. */
struct item {
    struct item *next;      /* of its slice */
    struct item *all_next;  /* of all that are not done */
    const struct slice *of; /* whose it is */
    struct slice *lives_in; /* whose hold guards the value; NULL: the item's own. Under the lock of all */
    bool wanted;            /* a client waits for it; under the lock of all */
    _Atomic bool begun, done;
    enum value_type type;
    void *value; /* an object, or a blob */
    struct snap_value *saving;
};

/* The keys of one database at the cut. */
struct walk {
    struct keyspace *keyspace;
    unsigned database;
    bool adopted; /* detached from the slice since */
};

struct snap {
    struct snap_entries *out; /* NULL until the first */
    struct item *items, *items_last;
    uint64_t cursor; /* in the first of the walks that are left */
    unsigned at, count;
    struct walk walks[];
};

struct snap_format snap_format;
_Atomic bool snap_under_way;
static _Atomic bool aborted;

static struct {
    struct spin lock;
    struct item *first;
} items;

/* ---- begin and end ---- */

struct snap *snap_new(void) {
    struct snap *snap;
    return mem_zalloc(sizeof *snap + slices.databases * sizeof snap->walks[0]);
}

void snap_free(struct snap *snap) {
    ASSERT(!snap->items && !snap->out);
    mem_free(snap);
}

void snap_begin(struct slice *s, struct snap *snap) {
    ASSERT(hold_is_mine(&s->hold, thread_self()));
    ASSERT(!s->snap && snap->count == 0);
    for (unsigned i = 0; i < slices.databases; i++) {
        struct keyspace *ks = slice_keyspace(s, i);
        if (!ks || table_count(&ks->table) == 0) continue;
        ks->saved_as = i;
        snap->walks[snap->count++] = (struct walk){.keyspace = ks, .database = i};
    }
    s->epoch++;
    s->snap = snap;
}

void snap_set_under_way(bool under_way) {
    atomic_store(&aborted, false);
    atomic_store(&snap_under_way, under_way);
}

void snap_abort(void) {
    atomic_store(&aborted, true);
}

static bool is_aborted(void) {
    return atomic_load_explicit(&aborted, memory_order_relaxed);
}

/* ---- values in pieces ---- */

static bool is_large(const struct entry *e) {
    switch (entry_encoding(e)) {
    case ENC_BLOB: return entry_blob(e)->len > SNAP_LARGE_BYTES;
    case ENC_OBJECT: return entry_payload_bytes(e) > SNAP_LARGE_BYTES;
    default: return false;
    }
}

static const void *value_of(const struct entry *e) {
    return entry_encoding(e) == ENC_BLOB ? (void *)entry_blob(e) : entry_object(e);
}

static void item_add(struct slice *s, struct snap *snap, unsigned database, struct entry *e) {
    struct item *item = mem_zalloc(sizeof *item);
    item->of = s;
    item->type = entry_type(e);
    item->saving = snap_format.begin(s, database, e);
    if (entry_encoding(e) == ENC_BLOB) {
        item->value = blob_ref(entry_blob(e)); /* and so nobody's to change */
    } else {
        item->value = entry_object(e);
        item->lives_in = s;
    }
    e->flags |= ENTRY_SAVING;
    *(snap->items ? &snap->items_last->next : &snap->items) = item;
    snap->items_last = item;
    spin_lock(&items.lock);
    item->all_next = items.first;
    items.first = item;
    spin_unlock(&items.lock);
}

/* The item of a value that still needs it. Under the lock. */
static struct item *item_find(const void *value) {
    struct item *item = items.first;
    while (item && item->value != value) item = item->all_next;
    return item;
}

/* The item needs its value no more: from now on nobody finds it. What was its own is let go, and the item is the
 * slice's to free. */
static void item_over(struct thread *t, struct item *item, bool whole) {
    spin_lock(&items.lock);
    struct item **at = &items.first;
    while (*at != item) at = &(*at)->all_next;
    *at = item->all_next;
    bool own = !item->lives_in, wanted = item->wanted;
    spin_unlock(&items.lock);
    snap_format.end(item->saving, whole);
    if (item->type == TYPE_STRING)
        grave_unref(t, item->value);
    else if (own)
        grave_free(t, item->type, item->value);
    atomic_store(&item->done, true);
    if (wanted) snap_format.value_done(t);
}

/* Saves some more of a value; its hold is held, or it is the item's own. False: it is done, and the item not to be
 * looked at any more. */
static bool item_step(struct thread *t, struct item *item) {
    bool whole = !is_aborted();
    atomic_store(&item->begun, true);
    if (whole && snap_format.step(item->saving)) return true;
    item_over(t, item, whole);
    return false;
}

static bool item_is_wanted(const struct item *item) {
    spin_lock(&items.lock);
    bool wanted = item->wanted;
    spin_unlock(&items.lock);
    return wanted;
}

/* The next item: one that is begun goes on, since its bytes stand together; then those that are waited for.
 * *wanted: whether one of them all is, so that this one is in the way if it is not the one. */
static struct item *item_next(struct snap *snap, bool *wanted) {
    struct item *best = NULL, *begun = NULL;
    *wanted = false;
    while (snap->items && atomic_load(&snap->items->done)) {
        struct item *done = snap->items;
        snap->items = done->next;
        mem_free(done);
    }
    for (struct item *item = snap->items; item; item = item->next) {
        if (atomic_load(&item->done)) continue;
        bool is_wanted = item_is_wanted(item);
        if (!begun && atomic_load(&item->begun)) begun = item;
        if (!best || (is_wanted && !*wanted)) best = item;
        *wanted |= is_wanted;
    }
    return begun ? begun : best;
}

/* Whether the item's value may be looked at now: its slice (another one, perhaps) is held then; *held says so. */
static bool item_enter(struct thread *t, struct item *item, struct slice **held) {
    spin_lock(&items.lock);
    struct slice *home = item->lives_in;
    spin_unlock(&items.lock);
    *held = NULL;
    if (!home || hold_is_mine(&home->hold, t)) return true;
    if (!hold_try(&home->hold, t)) return false;
    spin_lock(&items.lock);
    bool still_there = (!item->lives_in || item->lives_in == home) && !atomic_load(&item->done);
    spin_unlock(&items.lock);
    if (still_there)
        *held = home;
    else
        hold_release(&home->hold, t);
    return still_there;
}

void snap_finish_value(const void *value) {
    struct thread *t = thread_self();
    spin_lock(&items.lock);
    struct item *item = item_find(value);
    spin_unlock(&items.lock);
    if (!item) return;
    ASSERT(!item->lives_in || hold_is_mine(&item->lives_in->hold, t));
    while (item_step(t, item)) {
    }
}

bool snap_adopt_value(const void *value) {
    spin_lock(&items.lock);
    struct item *item = item_find(value);
    if (item) item->lives_in = NULL;
    spin_unlock(&items.lock);
    return item != NULL;
}

void snap_move_value(const void *value, struct slice *to) {
    spin_lock(&items.lock);
    struct item *item = item_find(value);
    if (item) item->lives_in = to;
    spin_unlock(&items.lock);
}

/* ---- entries ---- */

static void save_entry(struct slice *s, unsigned database, struct entry *e) {
    struct snap *snap = s->snap;
    e->epoch = s->epoch;
    if (is_aborted()) return;
    if (is_large(e)) {
        item_add(s, snap, database, e);
        return;
    }
    if (!snap->out) snap->out = snap_format.open(s);
    snap_format.entry(snap->out, database, e);
}

void snap_preserve(struct slice *s, struct keyspace *ks, struct entry *e) {
    ASSERT(hold_is_mine(&s->hold, thread_self()));
    ASSERT(s->snap && e->epoch != s->epoch);
    save_entry(s, ks->saved_as, e);
}

bool snap_must_wait(struct visit *v, const struct key *k) {
    struct slice *s = k->slice;
    ASSERT(hold_is_mine(&s->hold, v->thread));
    struct keyspace *ks = slice_keyspace(s, v->database);
    struct entry **at = ks ? table_find(&ks->table, k->data, k->len, k->hash) : NULL;
    if (!at) return false;
    struct entry *e = *at;
    if (snap_is_due(s, e) && is_large(e)) snap_preserve(s, ks, e);
    if (LIKELY(!(e->flags & ENTRY_SAVING))) return false;
    spin_lock(&items.lock);
    struct item *item = item_find(value_of(e));
    const struct slice *of = item ? item->of : NULL;
    if (item) item->wanted = true;
    spin_unlock(&items.lock);
    if (of)
        snap_format.wanted(of);
    else
        e->flags &= (uint8_t)~ENTRY_SAVING;
    return of != NULL;
}

bool snap_adopt_keyspace(struct slice *s, struct keyspace *ks) {
    ASSERT(hold_is_mine(&s->hold, thread_self()));
    for (unsigned i = s->snap->at; i < s->snap->count; i++) {
        if (s->snap->walks[i].keyspace != ks) continue;
        s->snap->walks[i].adopted = true;
        return true;
    }
    return false;
}

/* ---- the walk ---- */

struct walking {
    struct slice *slice;
    unsigned database;
};

static void walk_entry(void *arg, struct entry **at) {
    struct walking *walking = arg;
    if ((*at)->epoch != walking->slice->epoch) save_entry(walking->slice, walking->database, *at);
}

/* One place of the walk. */
static void walk_step(struct thread *t, struct slice *s) {
    struct snap *snap = s->snap;
    struct walk *walk = &snap->walks[snap->at];
    struct walking walking = {s, walk->database};
    table_scan_ask(&walk->keyspace->table, snap->cursor);
    snap->cursor = table_scan(&walk->keyspace->table, snap->cursor, walk_entry, &walking);
    if (snap->cursor) return;
    snap->at++;
    if (walk->adopted) snap_format.discard(t, walk->keyspace);
}

/* The slice has nothing left to save. */
static void slice_over(struct slice *s) {
    struct snap *snap = s->snap;
    if (!snap->out) snap->out = snap_format.open(s);
    snap_format.close(snap->out, !is_aborted());
    snap->out = NULL;
    s->snap = NULL;
    snap_free(snap);
}

/* One small step; the hold of s is held. */
static enum snap_progress small_step(struct thread *t, struct slice *s, bool credit) {
    struct snap *snap = s->snap;
    bool wanted;
    struct item *item = item_next(snap, &wanted);
    struct slice *held;
    if (item) {
        if (!credit && !wanted && !is_aborted()) return SNAP_NO_CREDIT;
        if (!item_enter(t, item, &held)) return SNAP_BUSY;
        item_step(t, item);
        if (held) hold_release(&held->hold, t);
        return SNAP_MORE;
    }
    if (!credit && !is_aborted()) return SNAP_NO_CREDIT;
    if (snap->at < snap->count) {
        walk_step(t, s);
        return SNAP_MORE;
    }
    slice_over(s);
    return SNAP_OVER;
}

enum snap_progress snap_step(struct thread *t, struct slice *s, unsigned budget_us, bool credit) {
    enum snap_progress progress = SNAP_OVER;
    uint64_t begun = clock_ticks(), budget_ns = (uint64_t)budget_us * 1000;
    ASSERT(t->holds_held == 0);
    if (!hold_try(&s->hold, t)) return SNAP_BUSY;
    if (s->snap) {
        do progress = small_step(t, s, credit);
        while (progress == SNAP_MORE && clock_ticks_to_ns(clock_ticks() - begun) < budget_ns);
    }
    hold_release(&s->hold, t);
    return progress;
}
