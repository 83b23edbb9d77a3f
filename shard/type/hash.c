/* hash.c: fields looked up, set and removed in either form of a hash, and the change from one to the other:
 * see hash.h.
 *
 * Under the hold of the slice whose key the hash belongs to, or by its only owner. A small hash is searched
 * from one end to the other, which at Redis's thresholds reads up to some ten kilobytes: the price of taking
 * so little memory.
 */
#include "shard/type/hash.h"

#include "shard/store/value_methods.h"
#include "shard/type/hash_parts.h"

const char *hash_value_text(const struct hash_value *v, char *digits, size_t *len) {
    *len = v->data ? v->len : text_from_i64(digits, v->integer);
    return v->data ? v->data : digits;
}

/* ---- small hashes ---- */

static bool small_find(const struct packed *p, struct hash_field *f) {
    /* What is longer than all of it is not in it, and perhaps too long to be looked for. */
    f->at = f->len < packed_bytes(p) ? packed_find(p, packed_first(p), f->text, f->len, 1) : NULL;
    f->state = f->at ? FIELD_PRESENT : FIELD_ABSENT;
    return f->at != NULL;
}

static struct packed *small_set(struct packed *p, const struct hash_field *f, const struct hash_value *v) {
    if (f->state == FIELD_PRESENT) {
        unsigned char *at = packed_next(p, f->at);
        return v->data ? packed_replace(p, &at, v->data, v->len) : packed_replace_int(p, &at, v->integer);
    }
    p = packed_append(p, f->text, f->len);
    return v->data ? packed_append(p, v->data, v->len) : packed_append_int(p, v->integer);
}

static struct packed *small_remove(struct packed *p, const struct hash_field *f) {
    unsigned char *at = f->at;
    return packed_delete(p, &at, 2);
}

/* ---- which form ---- */

static size_t value_len(const struct hash_value *v) {
    char digits[TEXT_I64_MAX];
    size_t len;
    hash_value_text(v, digits, &len);
    return len;
}

/* Whether a field and its value may be in a small hash at all. */
static bool may_be_small(const struct hash_field *f, const struct hash_value *v,
                         const struct hash_limits *limits) {
    return f->len <= limits->value_max && value_len(v) <= limits->value_max && limits->entries_max > 0;
}

/* Whether this small hash may take them too. */
static bool small_has_room(const struct packed *p, const struct hash_field *f, const struct hash_value *v,
                           const struct hash_limits *limits) {
    size_t count = packed_count(p) / 2 + (f->state == FIELD_ABSENT), len = v->data ? v->len : TEXT_I64_MAX;
    return count <= limits->entries_max && packed_has_room(p, f->len) && packed_has_room(p, len) &&
           packed_has_room(p, f->len + len);
}

static struct hash *convert(struct hash *h, struct hash_field *f) {
    struct packed *p = hash_small(h);
    struct fields *t = fields_from_packed(p);
    packed_free(p);
    fields_find(t, f);
    return hash_of(t);
}

static struct hash *begin(bool small, const struct hash_field *f, const struct hash_value *v) {
    if (small) return hash_of(packed_new(OBJECT_PACKED, f->len + value_len(v) + 2 * ELEMENT_HEAD_MAX));
    return hash_of(fields_new(1));
}

struct hash *hash_new_large(size_t count) {
    return hash_of(fields_new(count));
}

/* ---- one field ---- */

static bool find(const struct hash *h, struct hash_field *f) {
    if (f->state != FIELD_UNKNOWN) return f->state == FIELD_PRESENT;
    return hash_is_small(h) ? small_find(hash_small(h), f) : fields_find(hash_large(h), f);
}

bool hash_get(const struct hash *h, struct hash_field *f, struct hash_value *value) {
    if (!find(h, f)) return false;
    if (hash_is_small(h))
        *value = hash_value_at(packed_next(hash_small(h), f->at));
    else
        *value = fields_value(*(struct entry **)f->at);
    return true;
}

struct hash *hash_set(struct hash *h, struct hash_field *f, const struct hash_value *v,
                      const struct hash_limits *limits, struct hash_change *change) {
    if (!h || hash_is_small(h)) {
        bool small = may_be_small(f, v, limits);
        if (!h) h = begin(small, f, v);
        find(h, f);
        if (hash_is_small(h) && !(small && small_has_room(hash_small(h), f, v, limits))) h = convert(h, f);
    }
    *change = (struct hash_change){.done = !find(h, f)};
    if (hash_is_small(h))
        h = hash_of(small_set(hash_small(h), f, v));
    else if (change->done)
        fields_add(hash_large(h), f, v);
    else
        fields_replace(hash_large(h), f, v, &change->left);
    f->state = FIELD_UNKNOWN;
    return h;
}

struct hash *hash_remove(struct hash *h, struct hash_field *f, struct hash_change *change) {
    *change = (struct hash_change){.done = find(h, f)};
    if (change->done && hash_is_small(h))
        h = hash_of(small_remove(hash_small(h), f));
    else if (change->done)
        fields_remove(hash_large(h), f, &change->left);
    f->state = FIELD_UNKNOWN;
    return h;
}

size_t hash_count(const struct hash *h) {
    return hash_is_small(h) ? packed_count(hash_small(h)) / 2 : table_count(&hash_large(h)->table);
}

const unsigned char *hash_elements(const struct hash *h) {
    return hash_is_small(h) ? packed_first(hash_small(h)) : NULL;
}

/* ---- what the keyspace does with a hash ---- */

static size_t methods_effort(const void *object) {
    return hash_is_small(object) ? 1 : fields_effort(hash_large(object));
}

static bool methods_free_some(void *object, size_t effort) {
    if (!hash_is_small(object)) return fields_free_some(hash_large(object), effort);
    packed_free(hash_small(object));
    return false;
}

void hash_free(struct hash *h) {
    while (h && methods_free_some(h, SIZE_MAX)) {
    }
}

static void *methods_copy(const void *object) {
    if (hash_is_small(object)) return packed_copy(hash_small(object));
    return fields_copy(hash_large(object));
}

static size_t methods_bytes(const void *object) {
    if (hash_is_small(object)) return packed_footprint(hash_small(object));
    const struct fields *t = hash_large(object);
    return t->bytes + table_bytes(&t->table);
}

static size_t methods_count(const void *object) {
    return hash_count(object);
}

static const struct table *methods_table(const void *object) {
    return hash_is_small(object) ? NULL : &hash_large(object)->table;
}

static const char *methods_encoding(const void *object) {
    return hash_is_small(object) ? "listpack" : "hashtable";
}

void hash_register(void) {
    static const struct value_methods methods = {
        .effort = methods_effort,
        .free_some = methods_free_some,
        .copy = methods_copy,
        .bytes = methods_bytes,
        .count = methods_count,
        .encoding = methods_encoding,
        .table = methods_table,
    };
    value_methods_register(TYPE_HASH, &methods);
}

void hash_check(const struct hash *h) {
    if (!hash_is_small(h)) {
        fields_check(hash_large(h));
        return;
    }
    const struct packed *p = hash_small(h);
    ASSERT(packed_is_sound(p->lp, packed_bytes(p)));
    ASSERT(packed_count(p) % 2 == 0);
}
