/* cmd/sort_pattern.c: the keys that SORT's patterns name: see sort_parts.h.
 *
 * weight_* with the element 7 is the string at weight_7, obj_*->age the field age of the hash at obj_7, and #
 * the element itself. As in Redis, a pattern is read as a C string where it is searched for its parts, so
 * there is no * or -> behind a zero byte.
 */
#include "server/cmd/sort_parts.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"
#include "shard/store/entry.h"
#include "shard/type/hash.h"

#include <string.h>

struct sort_pattern sort_pattern_parse(const struct arg *a) {
    struct sort_pattern p = {.is_element = a->len >= 1 && a->data[0] == '#' && strnlen(a->data, a->len) == 1};
    size_t searched = strnlen(a->data, a->len);
    const char *end = a->data + a->len, *star = memchr(a->data, '*', searched);
    if (!star) return p;
    p.is_key = true;
    p.before = (struct sort_text){.data = a->data, .len = (size_t)(star - a->data)};
    const char *arrow = memmem(star + 1, searched - p.before.len - 1, "->", 2);
    if (arrow && (size_t)(arrow + 2 - a->data) < searched) {
        p.field = (struct sort_text){.data = arrow + 2, .len = (size_t)(end - arrow - 2)};
        end = arrow;
    }
    p.behind = (struct sort_text){.data = star + 1, .len = (size_t)(end - star - 1)};
    return p;
}

static struct sort_text string_of(struct sort *s, const struct entry *e) {
    if (entry_type(e) != TYPE_STRING) return (struct sort_text){0};
    if (entry_encoding(e) == ENC_INT) return sort_keep_int(s, entry_int(e));
    if (entry_encoding(e) == ENC_BLOB) {
        struct blob *blob = entry_blob(e);
        return (struct sort_text){.data = blob->data, .len = blob->len, .blob = blob};
    }
    struct sort_text t = {0};
    t.data = entry_inline(e, &t.len);
    return t;
}

static struct sort_text field_of(struct sort *s, const struct entry *e, const struct sort_text *name) {
    struct hash_field field = hash_field(name->data, name->len);
    struct hash_value v;
    if (entry_type(e) != TYPE_HASH || !hash_get(entry_object(e), &field, &v)) return (struct sort_text){0};
    if (!v.data) return sort_keep_int(s, v.integer);
    return (struct sort_text){.data = v.data, .len = v.len, .blob = v.blob};
}

static char *append(char *to, const struct sort_text *t) {
    if (t->len > 0) memcpy(to, t->data, t->len);
    return to + t->len;
}

struct sort_text sort_look_up(struct sort *s, const struct sort_pattern *p, const struct sort_text *element) {
    enum { USUAL = 256 };
    char usual[USUAL];
    if (p->is_element) return *element;
    if (!p->is_key) return (struct sort_text){0};
    size_t len = p->before.len + element->len + p->behind.len;
    char *name = len <= USUAL ? usual : mem_alloc(len);
    append(append(append(name, &p->before), element), &p->behind);
    struct key key = key_make(name, len);
    ASSERT(hold_is_mine(&key.slice->hold, s->call->visit.thread));
    struct entry **at = keyspace_find(&s->call->visit, &key, KEYSPACE_READ);
    if (name != usual) mem_free(name);
    if (!at) return (struct sort_text){0};
    return p->field.data ? field_of(s, *at, &p->field) : string_of(s, *at);
}
