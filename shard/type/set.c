/* set.c: adding, removing, finding and walking in the three forms of a set: see set.h.
 *
 * Under the hold of the slice whose key the set belongs to, or by its only owner. A large set reuses the
 * table of the keyspace with an entry for each member: its key is the member, its value an empty inline
 * string. That gives growth in steps, SCAN's cursors and fair draws, for 10 bytes beside the member's own and
 * its share of a bucket.
 *
 * A packed set is searched from end to end, so it must be short: at SET_PACKED_COUNT_MAX members the search
 * costs about what the two cache misses of a lookup in a table would.
 */
#include "shard/type/set.h"

#include "shard/base/mem.h"
#include "shard/store/value_methods.h"
#include "shard/type/set_parts.h"
#include "shard/type/walk.h"

#include <string.h>

enum { INTEGER_TEXT_MAX = 20, STEPS_AFTER_REMOVAL = 2 };

/* ---- members ---- */

bool set_member_is_int(struct set_member *m) {
    if (m->form == MEMBER_UNKNOWN) {
        bool is_int = m->len <= INTEGER_TEXT_MAX && text_to_i64(m->text, m->len, &m->integer);
        m->form = is_int ? MEMBER_IS_INTEGER : MEMBER_IS_TEXT;
    }
    return m->form == MEMBER_IS_INTEGER;
}

const char *set_member_text(struct set_member *m, size_t *len) {
    if (!m->text) {
        ASSERT(m->form == MEMBER_IS_INTEGER);
        m->len = text_from_i64(m->digits, m->integer);
        m->text = m->digits;
    }
    *len = m->len;
    return m->text;
}

void set_member_from_packed(struct set_member *m, const unsigned char *at) {
    struct packed_value value = packed_get(at);
    if (value.data)
        set_member_from_text(m, value.data, value.len);
    else
        set_member_from_int(m, value.integer);
}

uint64_t set_member_hash(struct set_member *m) {
    if (m->hash == 0) {
        size_t len;
        const char *text = set_member_text(m, &len);
        m->hash = table_hash(text, len);
    }
    return m->hash;
}

/* ---- large sets ---- */

static struct members *members_new(size_t count) {
    struct members *t = mem_zalloc(sizeof *t);
    t->encoding = OBJECT_TABLE;
    t->table.private = true;
    t->bytes = mem_size(t);
    t->table.private = true;
    table_reserve(&t->table, count);
    return t;
}

static struct entry **members_find(struct members *t, struct set_member *m) {
    size_t len;
    const char *text = set_member_text(m, &len);
    return table_find(&t->table, text, len, set_member_hash(m));
}

struct set *set_new_large(size_t count) {
    return set_of(members_new(count));
}

/* The member must be absent. */
static void members_insert(struct members *t, struct set_member *m) {
    static const struct entry_shape shape = {.encoding = ENC_INLINE};
    size_t len;
    const char *text = set_member_text(m, &len);
    struct entry *e = entry_new(&shape, text, len);
    t->bytes += mem_size(e);
    if (UNLIKELY(t->draws != NULL)) draws_forget_all(t->draws);
    table_insert(&t->table, e, set_member_hash(m));
}

void members_remove(struct members *t, struct entry **at, uint64_t hash) {
    struct entry *e = *at;
    size_t bytes = mem_size(e);
    ASSERT(t->bytes >= bytes);
    t->bytes -= bytes;
    if (t->draws) draws_forget(t->draws, e);
    table_remove(&t->table, at, hash);
    mem_free(e);
    table_step(&t->table, STEPS_AFTER_REMOVAL);
}

static bool insert_member(void *arg, struct set_member *m) {
    members_insert(arg, m);
    return true;
}

/* ---- changing the form ---- */

/* The same members in a form that has room for one more of `len` bytes and is not an intset. Frees the old
 * one. */
static struct set *set_convert(struct set *s, size_t len) {
    size_t count = set_count(s);
    bool fits = count < SET_PACKED_COUNT_MAX && len <= SET_PACKED_MEMBER_MAX;
    if (fits && object_encoding(s) == OBJECT_INTSET) {
        struct intset *from = set_intset(s);
        struct packed *to = packed_new(OBJECT_PACKED, count * from->width + len);
        for (size_t i = 0; i < count; i++) to = packed_append_int(to, intset_at(from, i));
        set_free(s);
        return set_of(to);
    }
    struct members *to = members_new(count + 1);
    set_each(s, insert_member, to);
    set_free(s);
    return set_of(to);
}

/* ---- adding, removing, finding ---- */

/* A set of nothing, in the form that its first member calls for. */
static struct set *set_begin(struct set_member *m, size_t intset_max) {
    if (set_member_is_int(m) && intset_max > 0) return set_of(intset_new_for(m->integer));
    size_t len;
    set_member_text(m, &len);
    return len <= SET_PACKED_MEMBER_MAX ? set_of(packed_new(OBJECT_PACKED, len)) : set_of(members_new(1));
}

static struct set *add_to_intset(struct set *s, struct set_member *m, size_t intset_max, bool *added) {
    struct intset *i = intset_add(set_intset(s), m->integer, added);
    if (intset_max > INTSET_COUNT_MAX - 1) intset_max = INTSET_COUNT_MAX - 1;
    return *added && intset_count(i) > intset_max ? set_convert(set_of(i), 0) : set_of(i);
}

static unsigned char *find_in_packed(const struct set *s, struct set_member *m) {
    size_t len;
    const char *text = set_member_text(m, &len);
    const struct packed *p = set_packed(s);
    if (len > SET_PACKED_MEMBER_MAX || packed_count(p) == 0) return NULL;
    return packed_find(p, packed_first(p), text, len, 0);
}

/* The member is absent. */
static struct set *add_to_packed(struct set *s, struct set_member *m) {
    size_t len;
    const char *text = set_member_text(m, &len);
    if (LIKELY(len <= SET_PACKED_MEMBER_MAX && set_count(s) < SET_PACKED_COUNT_MAX))
        return set_of(packed_append(set_packed(s), text, len));
    s = set_convert(s, len);
    members_insert(set_members(s), m);
    return s;
}

struct set *set_add(struct set *s, struct set_member *m, size_t intset_max, bool *added) {
    if (UNLIKELY(!s)) s = set_begin(m, intset_max);
    if (object_encoding(s) == OBJECT_INTSET) {
        if (set_member_is_int(m)) return add_to_intset(s, m, intset_max, added);
        size_t len;
        set_member_text(m, &len);
        s = set_convert(s, len);
    }
    if (object_encoding(s) == OBJECT_PACKED) {
        *added = !find_in_packed(s, m);
        return *added ? add_to_packed(s, m) : s;
    }
    *added = !members_find(set_members(s), m);
    if (*added) members_insert(set_members(s), m);
    return s;
}

struct set *set_remove(struct set *s, struct set_member *m, bool *removed) {
    *removed = false;
    switch (object_encoding(s)) {
    case OBJECT_INTSET:
        return set_member_is_int(m) ? set_of(intset_remove(set_intset(s), m->integer, removed)) : s;
    case OBJECT_PACKED: {
        unsigned char *at = find_in_packed(s, m);
        *removed = at != NULL;
        return at ? set_of(packed_delete(set_packed(s), &at, 1)) : s;
    }
    default: {
        struct entry **at = members_find(set_members(s), m);
        *removed = at != NULL;
        if (at) members_remove(set_members(s), at, set_member_hash(m));
        return s;
    }
    }
}

bool set_has(const struct set *s, struct set_member *m) {
    switch (object_encoding(s)) {
    case OBJECT_INTSET: return set_member_is_int(m) && intset_has(set_intset(s), m->integer);
    case OBJECT_PACKED: return find_in_packed(s, m) != NULL;
    default: return members_find(set_members(s), m) != NULL;
    }
}

size_t set_count(const struct set *s) {
    switch (object_encoding(s)) {
    case OBJECT_INTSET: return intset_count(set_intset(s));
    case OBJECT_PACKED: return packed_count(set_packed(s));
    default: return table_count(&set_members(s)->table);
    }
}

/* ---- walks ---- */

static bool each_of_intset(const struct intset *s, set_visit *visit, void *arg) {
    struct set_member m;
    for (size_t i = 0; i < intset_count(s); i++) {
        set_member_from_int(&m, intset_at(s, i));
        if (!visit(arg, &m)) return false;
    }
    return true;
}

static bool each_of_packed(const struct packed *p, set_visit *visit, void *arg) {
    struct set_member m;
    for (const unsigned char *at = packed_first(p); at; at = packed_next(p, at)) {
        set_member_from_packed(&m, at);
        if (!visit(arg, &m)) return false;
    }
    return true;
}

struct shown {
    set_visit *visit;
    void *arg;
};

static bool show_entry(void *arg, const struct entry *e) {
    const struct shown *shown = arg;
    struct set_member m;
    set_member_from_entry(&m, e);
    return shown->visit(shown->arg, &m);
}

bool set_each(const struct set *s, set_visit *visit, void *arg) {
    switch (object_encoding(s)) {
    case OBJECT_INTSET: return each_of_intset(set_intset(s), visit, arg);
    case OBJECT_PACKED: return each_of_packed(set_packed(s), visit, arg);
    default: return walk_table(&set_members(s)->table, show_entry, &(struct shown){visit, arg});
    }
}

uint64_t set_scan(const struct set *s, uint64_t cursor, set_visit *visit, void *arg) {
    if (object_encoding(s) != OBJECT_TABLE) {
        set_each(s, visit, arg);
        return 0;
    }
    return walk_step(&set_members(s)->table, cursor, show_entry, &(struct shown){visit, arg});
}

/* ---- what the keyspace does with a set ---- */

static size_t methods_effort(const void *object) {
    return object_encoding(object) == OBJECT_TABLE ? set_count(object) + 1 : 1;
}

static void free_entry(void *arg, struct entry *e) {
    (void)arg;
    mem_free(e);
}

static bool methods_free_some(void *object, size_t effort) {
    switch (object_encoding(object)) {
    case OBJECT_INTSET: intset_free(object); return false;
    case OBJECT_PACKED: packed_free(object); return false;
    default: break;
    }
    struct members *t = set_members(object);
    unsigned count = effort < UINT32_MAX ? (unsigned)effort : UINT32_MAX;
    if (table_drain(&t->table, count, free_entry, NULL)) return true;
    mem_free(t->draws);
    mem_free(t);
    return false;
}

void set_free(struct set *s) {
    while (s && methods_free_some(s, SIZE_MAX)) {
    }
}

static void *methods_copy(const void *object) {
    const struct set *s = object;
    switch (object_encoding(s)) {
    case OBJECT_INTSET: return intset_copy(set_intset(s));
    case OBJECT_PACKED: return packed_copy(set_packed(s));
    default: break;
    }
    struct members *t = members_new(set_count(s));
    set_each(s, insert_member, t);
    return t;
}

static size_t methods_bytes(const void *object) {
    switch (object_encoding(object)) {
    case OBJECT_INTSET: return intset_footprint(object);
    case OBJECT_PACKED: return packed_footprint(object);
    default: break;
    }
    const struct members *t = object;
    return t->bytes + table_bytes(&t->table);
}

static size_t methods_count(const void *object) {
    return set_count(object);
}

static const struct table *methods_table(const void *object) {
    return object_encoding(object) == OBJECT_TABLE ? &set_members(object)->table : NULL;
}

static const char *methods_encoding(const void *object) {
    return object_encoding(object) == OBJECT_INTSET ? "intset" : "hashtable";
}

void set_register(void) {
    static const struct value_methods methods = {
        .effort = methods_effort,
        .free_some = methods_free_some,
        .copy = methods_copy,
        .bytes = methods_bytes,
        .count = methods_count,
        .encoding = methods_encoding,
        .table = methods_table,
    };
    value_methods_register(TYPE_SET, &methods);
}

/* ---- checks ---- */

static void count_bytes(void *arg, struct entry **at) {
    ASSERT(entry_encoding(*at) == ENC_INLINE && !entry_expires(*at));
    *(size_t *)arg += mem_size(*at);
}

void set_check(const struct set *s) {
    size_t bytes, count = set_count(s);
    switch (object_encoding(s)) {
    case OBJECT_INTSET: {
        const void *image = intset_image(set_intset(s), &bytes);
        ASSERT(intset_is_sound(image, bytes));
        return;
    }
    case OBJECT_PACKED: {
        const struct packed *p = set_packed(s);
        ASSERT(packed_is_sound(p->lp, packed_bytes(p)));
        ASSERT(count <= SET_PACKED_COUNT_MAX);
        return;
    }
    default: break;
    }
    struct members *t = set_members(s);
    table_check(&t->table);
    bytes = mem_size(t) + mem_size(t->draws);
    uint64_t cursor = 0;
    do {
        cursor = table_scan(&t->table, cursor, count_bytes, &bytes);
    } while (cursor);
    ASSERT(bytes == t->bytes);
}
