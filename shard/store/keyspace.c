/* keyspace.c: finding, setting and deleting keys: the hot paths of the server.
 *
 * Runs on the thread that runs the command, under the hold of the key's slice (asserted). A find costs the
 * bucket and the entry's first line; a SET over a value of the same layout writes in place, without the
 * allocator. An entry is replaced by another one only when the new layout does not fit its block or would
 * waste more than half of it.
 *
 * The order of every change: the wheel forgets the old deadline while it can still be read, the entry is
 * rewritten or replaced, the wheel learns the new deadline, the account the new size. Nothing in between can
 * fail.
 */
#include "shard/store/keyspace.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"
#include "shard/rt/clock.h"
#include "shard/store/evict.h"
#include "shard/store/grave.h"
#include "shard/store/keyspace_parts.h"
#include "shard/store/oplog.h"

enum {
    INT_TEXT_MAX = 20,            /* longest text that can be an integer */
    ZEROS_MANY = 1024 * 1024,     /* zeros that are better got from the kernel than written */
    BLOB_AHEAD_MAX = 1024 * 1024, /* a growing blob doubles up to this much room ahead */
};

struct key key_make(const char *data, size_t len) {
    ASSERT(len <= UINT32_MAX);
    uint16_t slot = slot_of_key(data, len);
    return (struct key){
        .data = data,
        .len = (uint32_t)len,
        .slot = slot,
        .hash = table_hash(data, len),
        .slice = slice_of_slot(slot),
    };
}

int64_t visit_now(struct visit *v) {
    if (v->now_ms == 0) v->now_ms = clock_unix_ms();
    return v->now_ms;
}

uint64_t keyspace_entry_hash(const struct entry *e) {
    size_t len;
    const char *key = entry_key(e, &len);
    return table_hash(key, len);
}

struct home home_open(struct slice *s, unsigned database) {
    ASSERT(slice_has_database(database));
    struct home home = home_of(s, database);
    if (UNLIKELY(!home.keyspace)) {
        home.keyspace = mem_zalloc_aligned(sizeof *home.keyspace, CACHE_LINE);
        atomic_store_explicit(&s->databases[database], home.keyspace, memory_order_release);
    }
    return home;
}

bool keyspace_is_past(struct visit *v, const struct slice *s, const struct entry *e) {
    if (!entry_expires(e) || visit_now(v) <= entry_when(e)) return false;
    return !v->follows && !(s->switches & SWITCH_LOADING);
}

void keyspace_wheel_add(struct visit *v, struct home home, struct entry *e, int64_t when_ms) {
    ASSERT(when_ms >= 0);
    struct keyspace *ks = home.keyspace;
    if (!ks->wheel) ks->wheel = wheel_new(visit_now(v));
    entry_deadline(e)->when_ms = when_ms;
    uint32_t kept = home.slice->switches & (SWITCH_REPLICA | SWITCH_LOADING);
    entry_deadline(e)->set_here = kept == SWITCH_REPLICA && !v->follows;
    entry_deadline(e)->spare = 0;
    wheel_add(ks->wheel, e);
    counter_add(&home.slice->counters.expiring, 1);
    counter_add(&ks->expiring, 1);
}

void keyspace_wheel_remove(struct home home, struct entry *e) {
    ASSERT(home.keyspace->wheel);
    wheel_remove(home.keyspace->wheel, e);
    counter_sub(&home.slice->counters.expiring, 1);
    counter_sub(&home.keyspace->expiring, 1);
}

/* Those who watch the key of an entry, or wait for it (`ready`: that it has come to hold something), are to
 * know. */
static void tell_interested(struct home home, const struct entry *e, uint64_t hash, struct interest **ready) {
    size_t len;
    const char *key = entry_key(e, &len);
    struct interest *i = interest_find(home.slice, home.database, key, len, hash);
    if (!i) return;
    interest_touch(i);
    if (ready && entry_encoding(e) == ENC_OBJECT) interest_note_ready(i, ready);
}

struct entry **keyspace_file(struct visit *v, struct home home, struct entry *e, uint64_t hash,
                             int64_t when_ms) {
    DASSERT(hold_is_mine(&home.slice->hold, v->thread));
    if (UNLIKELY(home.slice->interests_count)) tell_interested(home, e, hash, &v->ready);
    e->epoch = home.slice->epoch;
    struct entry **at = table_insert(&home.keyspace->table, e, hash);
    if (entry_expires(e)) keyspace_wheel_add(v, home, e, when_ms);
    keyspace_account(home, 0, entry_footprint(e));
    counter_add(&home.slice->counters.keys, 1);
    counter_add(&home.keyspace->keys, 1);
    keyspace_tell(v, STORE_KEY_NEW, home, e);
    return at;
}

struct entry *keyspace_take(struct home home, struct entry **at, uint64_t hash) {
    struct entry *e = *at;
    keyspace_preserve(home, e);
    if (UNLIKELY(home.slice->interests_count)) tell_interested(home, e, hash, NULL);
    if (entry_expires(e)) keyspace_wheel_remove(home, e);
    table_remove(&home.keyspace->table, at, hash);
    keyspace_account(home, entry_footprint(e), 0);
    counter_sub(&home.slice->counters.keys, 1);
    counter_sub(&home.keyspace->keys, 1);
    return e;
}

/* Lets go of a value's outside memory. A very large blob waits for the thread's upkeep, since unmapping it
 * takes milliseconds; a large collection is freed there bit by bit. */
static void payload_free(struct visit *v, struct entry *e) {
    if (entry_encoding(e) == ENC_BLOB) {
        grave_unref(v->thread, entry_blob(e));
    } else if (entry_encoding(e) == ENC_OBJECT) {
        if (LIKELY(!(e->flags & ENTRY_SAVING)) || !snap_adopt_value(entry_object(e)))
            grave_free(v->thread, entry_type(e), entry_object(e));
    } else {
        entry_free_payload(e);
    }
}

void keyspace_drop(struct visit *v, struct home home, struct entry **at, uint64_t hash,
                   enum drop_reason reason) {
    struct slice_counters *counters = &home.slice->counters;
    ASSERT(hold_is_mine(&home.slice->hold, v->thread));
    struct entry *e = keyspace_take(home, at, hash);
    if (UNLIKELY(home.slice->switches & SWITCH_LOGGING) && reason != DROP_DELETED) {
        size_t len;
        const char *key = entry_key(e, &len);
        oplog_key_gone(v->thread, home.database, key, len,
                       reason == DROP_EVICTED ? OPLOG_EVICTED : OPLOG_EXPIRED);
    }
    if (reason == DROP_EVICTED) {
        counter_add(&counters->evicted, 1);
        keyspace_tell(v, STORE_KEY_EVICTED, home, e);
    } else if (reason == DROP_EXPIRED) {
        counter_add(&counters->expired, 1);
        keyspace_tell(v, STORE_KEY_EXPIRED, home, e);
    }
    if (reason == DROP_EVICTED && entry_encoding(e) == ENC_BLOB)
        entry_free_payload(e); /* whoever evicts waits for this memory */
    else
        payload_free(v, e);
    mem_free(e);
}

/* An entry that is past its time reads as missing. It goes now, unless the data is to stay as it is; but
 * a write command (of a writable replica, or the first after a pause) would file a second entry of this
 * key. */
static void keyspace_find_past(struct visit *v, const struct key *k, struct entry **at) {
    if ((k->slice->switches & SWITCHES_KEEPING) && !v->writes) return;
    keyspace_drop(v, home_of(k->slice, v->database), at, k->hash, DROP_EXPIRED);
    v->expired++;
}

static void tell_missed(struct visit *v, const struct key *k) {
    struct store_event_key missed = {.database = v->database, .data = k->data, .len = k->len};
    store_events_listener(v, STORE_KEY_MISSED, &missed);
}

struct entry **keyspace_find(struct visit *v, const struct key *k, enum keyspace_mode mode) {
    struct slice *s = k->slice;
    ASSERT(hold_is_mine(&s->hold, v->thread));
    ASSERT(slice_has_database(v->database));
    struct keyspace *ks = slice_keyspace(s, v->database);
    struct entry **at = ks ? table_find(&ks->table, k->data, k->len, k->hash) : NULL;
    if (at && UNLIKELY(entry_expires(*at)) && keyspace_is_past(v, s, *at)) {
        keyspace_find_past(v, k, at);
        at = NULL;
    }
    if (!at) {
        if (mode == KEYSPACE_READ) {
            counter_add(&s->counters.misses, 1);
            if (store_event_is_wanted(STORE_KEY_MISSED) && !v->quiet) tell_missed(v, k);
        }
        return NULL;
    }
    if (mode == KEYSPACE_READ) counter_add(&s->counters.hits, 1);
    if (mode != KEYSPACE_PEEK && !v->no_touch) {
        struct entry *e = *at;
        uint32_t access =
            access_touched(policy_get(), e->access, v->thread->turn_unix_ms, &v->thread->random);
        if (access != e->access) e->access = access;
    }
    return at;
}

/* A value in the form it will be stored in. */
struct stored {
    struct entry_shape shape;
    const char *bytes;
    int64_t integer;
    void *pointer;
};

static struct stored stored_bytes(const char *data, size_t len, const struct value *value) {
    struct stored s = {.shape = {.flags = value->raw ? ENTRY_RAW : 0}};
    if (len <= INT_TEXT_MAX && !value->raw && !value->text && text_to_i64(data, len, &s.integer)) {
        s.shape.encoding = ENC_INT;
    } else if (len <= ENTRY_INLINE_MAX) {
        s.shape.encoding = ENC_INLINE;
        s.shape.inline_len = len;
        s.bytes = data;
    } else {
        s.shape.encoding = ENC_BLOB;
        s.pointer = blob_new_from(data, len);
    }
    return s;
}

static struct stored stored_value(const struct value *value) {
    struct stored s = {.shape = {.flags = 0}};
    switch (value->form) {
    case VALUE_BYTES: return stored_bytes(value->bytes.data, value->bytes.len, value);
    case VALUE_INT:
        s.shape.encoding = ENC_INT;
        s.integer = value->integer;
        break;
    case VALUE_BLOB:
        if (value->blob->len <= ENTRY_INLINE_MAX)
            return stored_bytes(value->blob->data, value->blob->len, value);
        s.shape.encoding = ENC_BLOB;
        s.shape.flags = value->raw ? ENTRY_RAW : 0;
        s.pointer = value->blob;
        break;
    case VALUE_OBJECT:
        ASSERT(value->object.type != TYPE_STRING);
        s.shape.encoding = ENC_OBJECT;
        s.shape.type = value->object.type;
        s.pointer = value->object.pointer;
        break;
    }
    return s;
}

static void stored_write(struct entry *e, const struct stored *s) {
    switch (s->shape.encoding) {
    case ENC_INT: entry_set_int(e, s->integer); break;
    case ENC_INLINE: memcpy(entry_inline_at(e), s->bytes, s->shape.inline_len); break;
    case ENC_BLOB:
    case ENC_OBJECT: entry_set_pointer(e, s->pointer); break;
    }
}

/* Whether `bytes` fit the block of an entry that takes `now` of it, without wasting more than half. */
static bool block_fits(const struct entry *e, size_t now, size_t bytes) {
    if (now == bytes) return true;
    size_t room = mem_size(e);
    return bytes <= room && bytes * 2 >= room;
}

static struct entry **stored_insert(struct visit *v, const struct key *k, struct stored *s, int64_t when_ms) {
    if (when_ms >= 0) s->shape.flags |= ENTRY_EXPIRES;
    struct entry *e = entry_new(&s->shape, k->data, k->len);
    e->access = access_initial(policy_get(), v->thread->turn_unix_ms);
    stored_write(e, s);
    return keyspace_file(v, home_open(k->slice, v->database), e, k->hash, when_ms);
}

/* Puts `fresh` (of the same key, with its value written) in the place of *at, which is then freed without its
 * payload. A deadline that is kept moves over; otherwise the caller has taken it out of the wheel. */
static struct entry *entry_supersede(struct home home, struct entry **at, struct entry *fresh,
                                     bool keep_deadline) {
    struct entry *old = *at;
    fresh->access = old->access;
    fresh->epoch = old->epoch;
    if (keep_deadline) {
        *entry_deadline(fresh) = *entry_deadline(old);
        wheel_moved(home.keyspace->wheel, fresh);
    }
    table_replace(at, fresh);
    mem_free(old);
    return fresh;
}

/* The commonest SET: text (of which a look says that it is no integer) over an inline string of the same
 * length. */
static inline bool overwrite_alike(struct entry *e, const struct value *value, int64_t when_ms) {
    if (value->form != VALUE_BYTES || value->raw || when_ms >= 0) return false;
    const uint8_t plain = entry_kind(TYPE_STRING, ENC_INLINE);
    if (e->kind != plain || (e->flags & ~ENTRY_LONG_KEY)) return false;
    size_t len;
    char *bytes = (char *)entry_inline(e, &len);
    if (len != value->bytes.len || (len <= INT_TEXT_MAX && (len == 0 || value->bytes.data[0] <= '9')))
        return false;
    memcpy(bytes, value->bytes.data, len);
    return true;
}

static void stored_overwrite(struct visit *v, const struct key *k, struct entry **at, struct stored *s,
                             int64_t when_ms) {
    struct home home = home_of(k->slice, v->database);
    struct entry *e = *at;
    int64_t old_when = entry_when(e);
    if (when_ms == KEEP_TTL) when_ms = old_when;
    bool keep_deadline = when_ms >= 0 && when_ms == old_when;
    if (when_ms >= 0) s->shape.flags |= ENTRY_EXPIRES;

    size_t old_bytes = entry_bytes(e), bytes = entry_shape_bytes(&s->shape, k->len);
    bool in_place = block_fits(e, old_bytes, bytes);
    bool sizes_change = !in_place || entry_encoding(e) >= ENC_BLOB || s->shape.encoding >= ENC_BLOB;
    size_t before = sizes_change ? entry_footprint(e) : 0;

    payload_free(v, e);
    if (old_when >= 0 && !keep_deadline) keyspace_wheel_remove(home, e);
    if (in_place) {
        entry_reshape(e, &s->shape);
    } else {
        e = entry_supersede(home, at, entry_new(&s->shape, k->data, k->len), keep_deadline);
    }
    stored_write(e, s);
    if (when_ms >= 0 && !keep_deadline) keyspace_wheel_add(v, home, e, when_ms);
    if (sizes_change) keyspace_account(home, before, entry_footprint(e));
}

struct entry **keyspace_set(struct visit *v, const struct key *k, struct entry **at, struct value value,
                            int64_t when_ms) {
    ASSERT(hold_is_mine(&k->slice->hold, v->thread));
    ASSERT(when_ms >= KEEP_TTL);
    if (at) {
        keyspace_touch(k->slice, v->database, k);
        keyspace_preserve(home_of(k->slice, v->database), *at);
    }
    if (at && overwrite_alike(*at, &value, when_ms)) return at;
    struct stored s = stored_value(&value);
    if (at) {
        stored_overwrite(v, k, at, &s, when_ms);
    } else {
        at = stored_insert(v, k, &s, when_ms);
    }
    if (value.form == VALUE_OBJECT && UNLIKELY(k->slice->interests_count))
        tell_interested(home_of(k->slice, v->database), *at, k->hash, &v->ready);
    if (value.form == VALUE_BLOB && s.pointer != value.blob) blob_unref(value.blob);
    return at;
}

struct entry **keyspace_set_int(struct visit *v, const struct key *k, struct entry **at, int64_t n) {
    ASSERT(hold_is_mine(&k->slice->hold, v->thread));
    if (at && entry_encoding(*at) == ENC_INT) {
        keyspace_touch(k->slice, v->database, k);
        keyspace_preserve(home_of(k->slice, v->database), *at);
        entry_set_int(*at, n);
        return at;
    }
    return keyspace_set(v, k, at, value_int(n), KEEP_TTL);
}

/* Lengthens an inline string to `len` zero-filled bytes. */
static void inline_grow(struct visit *v, const struct key *k, struct entry **at, size_t len) {
    struct home home = home_of(k->slice, v->database);
    struct entry *e = *at;
    size_t old_len;
    const char *old = entry_inline(e, &old_len);
    struct entry_shape shape = {.encoding = ENC_INLINE, .inline_len = len, .flags = ENTRY_RAW};
    shape.flags |= e->flags & ENTRY_EXPIRES;
    ASSERT(len >= old_len);
    if (entry_shape_bytes(&shape, k->len) <= mem_size(e)) {
        entry_reshape(e, &shape);
    } else {
        size_t before = entry_footprint(e);
        struct entry *fresh = entry_new(&shape, k->data, k->len);
        memcpy(entry_inline_at(fresh), old, old_len);
        e = entry_supersede(home, at, fresh, entry_expires(e));
        keyspace_account(home, before, entry_footprint(e));
    }
    memset(entry_inline_at(e) + old_len, 0, len - old_len);
}

/* The room for a string that was lengthened to `len` and will perhaps be again. */
static size_t blob_room(size_t len) {
    return len + (len < BLOB_AHEAD_MAX ? len : BLOB_AHEAD_MAX);
}

/* `len` bytes of which the first are these, and the others zeros. */
static struct blob *blob_zero_filled(const char *bytes, size_t bytes_len, size_t len) {
    ASSERT(bytes_len <= len);
    struct blob *b = blob_new_zeroed(blob_room(len));
    memcpy(b->data, bytes, bytes_len);
    b->len = len;
    return b;
}

/* A blob, given up, as one of its own with zeros up to `len`. Many of them are not written: SETBIT and SETRANGE
 * may go half a gigabyte beyond the end, and nobody else gets at the slice meanwhile. */
static struct blob *blob_lengthen(struct visit *v, struct blob *b, size_t len) {
    size_t old_len = b->len, cap = b->cap < len ? blob_room(len) : b->cap;
    ASSERT(len >= old_len);
    if (cap != b->cap && len - old_len >= ZEROS_MANY && (!b->mapped || blob_is_shared(b))) {
        struct blob *longer = blob_zero_filled(b->data, old_len, len);
        grave_unref(v->thread, b);
        return longer;
    }
    size_t written = b->cap; /* pages behind it come as zeros */
    b = blob_make_writable(b, cap);
    if (!b->mapped || written > len) written = len;
    memset(b->data + old_len, 0, written - old_len);
    b->len = len;
    return b;
}

/* Lengthens a blob to `len` zero-filled bytes that are the entry's own. */
static void blob_grow(struct visit *v, const struct key *k, struct entry *e, size_t len) {
    struct home home = home_of(k->slice, v->database);
    size_t before = entry_footprint(e);
    struct blob *b = blob_lengthen(v, entry_blob(e), len);
    entry_set_pointer(e, b);
    e->flags |= ENTRY_RAW;
    keyspace_account(home, before, entry_footprint(e));
}

struct entry **keyspace_writable(struct visit *v, const struct key *k, struct entry **at, size_t len,
                                 char **data) {
    ASSERT(hold_is_mine(&k->slice->hold, v->thread));
    ASSERT(at && entry_type(*at) == TYPE_STRING);
    keyspace_touch(k->slice, v->database, k);
    keyspace_preserve(home_of(k->slice, v->database), *at);
    if (entry_encoding(*at) != ENC_BLOB) {
        char digits[TEXT_I64_MAX];
        size_t old_len;
        const char *old = entry_string(*at, digits, &old_len);
        if (len > ENTRY_INLINE_MAX) {
            struct value value = {
                .form = VALUE_BLOB, .blob = blob_zero_filled(old, old_len, len), .raw = true};
            at = keyspace_set(v, k, at, value, KEEP_TTL);
        } else {
            if (entry_encoding(*at) == ENC_INT) {
                struct value value = {.form = VALUE_BYTES, .bytes = {old, old_len}, .raw = true};
                at = keyspace_set(v, k, at, value, KEEP_TTL);
            }
            inline_grow(v, k, at, len);
        }
    } else {
        blob_grow(v, k, *at, len);
    }
    *data = entry_encoding(*at) == ENC_BLOB ? entry_blob(*at)->data : entry_inline_at(*at);
    return at;
}

/* Makes or removes the room of a deadline at the front of an entry, moving it to another block if that is
 * needed. */
static struct entry *entry_resize_deadline(struct home home, struct entry **at, bool expires) {
    struct entry *e = *at;
    size_t now = entry_bytes(e), front = sizeof(struct deadline);
    size_t bytes = expires ? now + front : now - front;
    const unsigned char *rest = entry_value_at(e);
    size_t rest_bytes = now - (size_t)(rest - (unsigned char *)e);
    struct entry *to = e;
    size_t before = 0;
    if (!block_fits(e, now, bytes)) {
        before = mem_size(e);
        to = mem_alloc(bytes);
        memcpy(to, e, sizeof *e);
    }
    to->flags = (uint8_t)(expires ? e->flags | ENTRY_EXPIRES : e->flags & ~ENTRY_EXPIRES);
    memmove(entry_value_at(to), rest, rest_bytes);
    if (to != e) {
        table_replace(at, to);
        mem_free(e);
        keyspace_account(home, before, mem_size(to));
    }
    return to;
}

struct entry **keyspace_set_deadline(struct visit *v, const struct key *k, struct entry **at,
                                     int64_t when_ms) {
    ASSERT(hold_is_mine(&k->slice->hold, v->thread));
    ASSERT(when_ms >= 0 || when_ms == NO_TTL);
    struct home home = home_of(k->slice, v->database);
    struct entry *e = *at;
    int64_t old_when = entry_when(e);
    keyspace_touch(k->slice, v->database, k);
    if (when_ms == old_when) return at;
    keyspace_preserve(home, e);
    if (old_when >= 0) keyspace_wheel_remove(home, e);
    if ((old_when >= 0) != (when_ms >= 0)) e = entry_resize_deadline(home, at, when_ms >= 0);
    if (when_ms >= 0) keyspace_wheel_add(v, home, e, when_ms);
    return at;
}

struct change keyspace_change(struct visit *v, const struct key *k, struct entry **at) {
    ASSERT(hold_is_mine(&k->slice->hold, v->thread));
    ASSERT(at && entry_encoding(*at) == ENC_OBJECT);
    keyspace_preserve(home_of(k->slice, v->database), *at);
    if (UNLIKELY((*at)->flags & ENTRY_SAVING)) {
        snap_finish_value(entry_object(*at)); /* for those that did not ask snap_must_wait */
        (*at)->flags &= (uint8_t)~ENTRY_SAVING;
    }
    return (struct change){.bytes = entry_payload_bytes(*at)};
}

void keyspace_changed(struct visit *v, const struct key *k, struct entry **at, struct change change,
                      void *object) {
    ASSERT(hold_is_mine(&k->slice->hold, v->thread));
    keyspace_touch(k->slice, v->database, k);
    entry_set_pointer(*at, object);
    keyspace_account(home_of(k->slice, v->database), change.bytes, entry_payload_bytes(*at));
}

void keyspace_delete(struct visit *v, const struct key *k, struct entry **at) {
    ASSERT(at);
    keyspace_drop(v, home_of(k->slice, v->database), at, k->hash, DROP_DELETED);
}

size_t keyspace_count(const struct slice *s, unsigned database) {
    const struct keyspace *ks = slice_keyspace(s, database);
    return ks ? table_count(&ks->table) : 0;
}

size_t keyspaces_set_here(void) {
    size_t count = 0;
    for (unsigned i = 0; i < slices.count; i++) {
        for (unsigned database = 0; database < slices.databases; database++) {
            const struct keyspace *ks = slice_keyspace(&slices.all[i], database);
            if (ks) count += wheel_set_here(ks->wheel);
        }
    }
    return count;
}

size_t keyspace_expiring(const struct slice *s, unsigned database) {
    const struct keyspace *ks = slice_keyspace(s, database);
    return ks ? wheel_count(ks->wheel) : 0;
}
