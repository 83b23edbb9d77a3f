/* config.c: snapshots: how one is made, read, changed and replaced. See config.h.
 *
 * Readers, on any thread, load one pointer. Those who change something take turns by a lock that no reader
 * ever meets: it is held while a copy is made, set, applied and published, which is a few dozen small
 * allocations and what the hooks do (short system calls at most: a directory, a socket), never a wait for
 * disk or network.
 *
 * The order of a change: (1) may these options be set at all, in the order given; (2) a copy gets all
 * values; (3) hooks of what differs apply it, and what was applied is undone when one refuses; (4) the copy
 * is published, the old snapshot retired. Until (4) no reader has seen anything of it.
 */
#include "server/config.h"

#include "server/config_option.h"
#include "server/notify_class.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/rt/spin.h"
#include "shard/rt/thread.h"
#include "shard/store/policy.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static _Atomic(const struct config *) current;

const struct config *config_get(void) {
    const struct config *c = atomic_load_explicit(&current, memory_order_acquire);
    ASSERT(c);
    return c;
}

const struct option *option_find(const char *name, size_t len) {
    for (unsigned i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        if (text_is(name, len, o->name) || (o->alias && text_is(name, len, o->alias))) return o;
    }
    return NULL;
}

void config_free(struct config *c) {
    for (unsigned i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        if (option_has_field(o) && o->type->release) o->type->release(o, option_field(o, c));
    }
    mem_free(c);
}

struct config *config_copy(const struct config *from) {
    struct config *c = mem_dup(from, sizeof *from);
    for (unsigned i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        if (option_has_field(o) && o->type->own) o->type->own(o, option_field(o, c));
    }
    return c;
}

/* Setting one option of a snapshot under construction. */

static bool set_fixed(const struct option *o, const struct text_word *words, unsigned count,
                      bool *unsupported, char *why) {
    /* Checked in a scratch value, so that a wrong word is told from one that is only not supported. */
    union {
        max_align_t align;
        char *text;
        char bytes[OPTION_FIELD_MAX];
    } scratch = {0};
    if (!o->type->parse(o, words, count, &scratch, why)) return false;
    struct buf printed = {0};
    o->type->print(o, &scratch, &printed);
    bool same = strcmp(printed.len ? printed.data : "", o->initial) == 0;
    buf_free(&printed);
    if (o->type->release) o->type->release(o, &scratch);
    if (same) return true;
    *unsupported = true;
    snprintf(why, CONFIG_WHY_MAX, "not supported by this version of Gyre");
    return false;
}

bool option_set(const struct option *o, struct config *c, const struct text_word *words, unsigned count,
                bool *unsupported, char *why) {
    ASSERT(count > 0);
    *unsupported = false;
    if (count != 1 && !(o->flags & OPTION_MULTI)) {
        snprintf(why, CONFIG_WHY_MAX, "wrong number of arguments");
        return false;
    }
    if (!option_has_field(o)) return set_fixed(o, words, count, unsupported, why);
    return o->type->parse(o, words, count, option_field(o, c), why);
}

void option_print(const struct option *o, const struct config *c, struct buf *out) {
    if (option_has_field(o))
        o->type->print(o, option_field_const(o, c), out);
    else
        buf_append_text(out, o->initial);
}

unsigned option_split(const struct option *o, const char *value, size_t len, struct text_word **words) {
    unsigned count = 1;
    bool several = o->flags & OPTION_MULTI;
    for (size_t i = 0; several && i < len; i++) count += value[i] == ' ';
    size_t array_bytes = count * sizeof **words;
    char *block = mem_alloc(array_bytes + len + 1), *text = block + array_bytes;
    if (len > 0) memcpy(text, value, len);
    text[len] = '\0';
    *words = (struct text_word *)block;
    size_t start = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t end = start;
        while (end < len && !(several && text[end] == ' ')) end++;
        text[end] = '\0';
        (*words)[i] = (struct text_word){text + start, end - start};
        start = end + 1;
    }
    return count;
}

/* Values that redis-server takes and then brings into a range of their own. */
void config_normalize(struct config *c) {
    enum { HZ_MIN = 1, HZ_MAX = 500, BACKLOG_BYTES_MIN = 16 * 1024 };
    if (c->hz < HZ_MIN) c->hz = HZ_MIN;
    if (c->hz > HZ_MAX) c->hz = HZ_MAX;
    if (c->repl_backlog_size < BACKLOG_BYTES_MIN) c->repl_backlog_size = BACKLOG_BYTES_MIN;
}

/* Publishing. */

static void release_snapshot(void *snapshot) {
    config_free(snapshot);
}

static void publish_policy(const struct config *c) {
    struct policy policy = *policy_get();
    policy.maxmemory_bytes = c->maxmemory;
    policy.eviction = (enum eviction)c->maxmemory_policy;
    policy.maxmemory_samples = (unsigned)c->maxmemory_samples;
    policy.lfu_log_factor = (unsigned)c->lfu_log_factor;
    policy.lfu_decay_minutes = (unsigned)c->lfu_decay_time;
    policy.active_expire_effort = (unsigned)c->active_expire_effort;
    policy.active_rehashing = c->activerehashing;
    policy.unlink_expired = c->lazyfree_lazy_expire;
    policy.unlink_evicted = c->lazyfree_lazy_eviction;
    policy_publish(&policy);
}

void config_publish(struct config *c) {
    const struct config *old = atomic_exchange_explicit(&current, c, memory_order_acq_rel);
    log_set_level((enum log_level)c->loglevel);
    publish_policy(c);
    notify_set_classes((uint32_t)c->notify_keyspace_events);
    if (!old) return;
    struct thread *self = thread_self();
    if (self) {
        thread_retire(self, (void *)old, release_snapshot);
    } else {
        ASSERT(thread_count() == 0);
        config_free((struct config *)old);
    }
}

struct config *config_defaults(void) {
    struct config *c = mem_zalloc(sizeof *c);
    for (unsigned i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        if (!option_has_field(o)) continue;
        struct text_word *words;
        bool unsupported;
        char why[CONFIG_WHY_MAX];
        unsigned count = option_split(o, o->initial, strlen(o->initial), &words);
        bool fine = option_set(o, c, words, count, &unsupported, why);
        ASSERT(fine);
        mem_free(words);
    }
    return c;
}

void config_init(void) {
    config_publish(config_defaults());
}

bool config_override(const char *name, const char *value) {
    ASSERT(thread_count() == 0);
    const struct option *o = option_find(name, strlen(name));
    ASSERT(o && option_has_field(o));
    struct config *next = config_copy(config_get());
    const struct text_word word = {(char *)value, strlen(value)};
    bool unsupported;
    char why[CONFIG_WHY_MAX];
    bool fine = option_set(o, next, &word, 1, &unsupported, why);
    if (fine)
        config_publish(next);
    else
        config_free(next);
    return fine;
}

/* CONFIG SET. */

static struct spin lock;

void config_lock(void) {
    spin_lock(&lock);
}
void config_unlock(void) {
    spin_unlock(&lock);
}

void config_note_primary(const char *host, int port) {
    char number[16];
    snprintf(number, sizeof number, "%d", port);
    struct text_word words[] = {{(char *)host, host ? strlen(host) : 0}, {number, strlen(number)}};
    struct text_word nobody[] = {{(char *)"no", 2}, {(char *)"one", 3}};
    const struct option *o = option_find("replicaof", strlen("replicaof"));
    bool unsupported;
    char why[CONFIG_WHY_MAX];
    config_lock();
    struct config *next = config_copy(config_get());
    bool fine = option_set(o, next, host ? words : nobody, 2, &unsupported, why);
    ASSERT(fine);
    config_publish(next);
    config_unlock();
}

enum { HOOK_TABLES_MAX = 16, HOOKS_MAX = 64 };
static const struct config_hook *hook_tables[HOOK_TABLES_MAX];
static unsigned hook_table_count;

void config_register_hooks(const struct config_hook *hooks) {
    ASSERT(hook_table_count < HOOK_TABLES_MAX);
    for (const struct config_hook *h = hooks; h->option; h++)
        ASSERT(option_find(h->option, strlen(h->option)));
    for (unsigned i = 0; i < hook_table_count; i++) {
        if (hook_tables[i] == hooks) return;
    }
    hook_tables[hook_table_count++] = hooks;
}

static bool has_hook(const struct option *o) {
    for (unsigned i = 0; i < hook_table_count; i++) {
        for (const struct config_hook *h = hook_tables[i]; h->option; h++) {
            if (strcmp(h->option, o->name) == 0) return true;
        }
    }
    return false;
}

/* The process's own directory follows the option. */
static bool go_to_directory(const struct config *before, const struct config *after, char *why) {
    if (strcmp(before->dir, after->dir) == 0 || chdir(after->dir) == 0) return true;
    snprintf(why, CONFIG_WHY_MAX, "%s", strerror(errno));
    return false;
}

struct hook_run {
    const struct config *before, *after;
    bool (*done[HOOKS_MAX])(const struct config *before, const struct config *after, char *why);
    unsigned done_count;
};

static bool run_hook(struct hook_run *run,
                     bool (*apply)(const struct config *, const struct config *, char *), char *why) {
    for (unsigned i = 0; i < run->done_count; i++) {
        if (run->done[i] == apply) return true;
    }
    ASSERT(run->done_count < HOOKS_MAX);
    if (!apply(run->before, run->after, why)) return false;
    run->done[run->done_count++] = apply;
    return true;
}

static void undo_hooks(struct hook_run *run) {
    char why[CONFIG_WHY_MAX] = "";
    while (run->done_count > 0) {
        if (!run->done[--run->done_count](run->after, run->before, why))
            log_warning("Failed to go back to the old configuration: %s", why);
    }
}

static bool run_hooks_of(struct hook_run *run, const struct option *o, char *why) {
    struct buf before = {0}, after = {0};
    option_print(o, run->before, &before);
    option_print(o, run->after, &after);
    bool same =
        before.len == after.len && (before.len == 0 || memcmp(before.data, after.data, before.len) == 0);
    buf_free(&before);
    buf_free(&after);
    if (same) return true;
    if (strcmp(o->name, "dir") == 0 && !run_hook(run, go_to_directory, why)) return false;
    for (unsigned i = 0; i < hook_table_count; i++) {
        for (const struct config_hook *h = hook_tables[i]; h->option; h++) {
            if (strcmp(h->option, o->name) == 0 && !run_hook(run, h->apply, why)) return false;
        }
    }
    return true;
}

static bool is_allowed_protected(const struct config *c, bool local) {
    return c->enable_protected_configs == CONFIG_ACCESS_YES ||
           (c->enable_protected_configs == CONFIG_ACCESS_LOCAL && local);
}

/* After the names have been looked at, errors give the name as the table has it. */
static struct config_setting under_table_name(const struct config_setting *s, const struct option *o) {
    const char *name = text_is(s->name, s->name_len, o->name) ? o->name : o->alias;
    return (struct config_setting){name, s->value, strlen(name), s->value_len};
}

static bool refuse_setting(const struct config_setting *s, const char *why, struct buf *error) {
    buf_append_text(error, "ERR CONFIG SET failed (possibly related to argument '");
    buf_append(error, s->name, s->name_len);
    buf_printf(error, "') - %s", why);
    return false;
}

static bool refuse_unknown(const struct config_setting *s, struct buf *error) {
    buf_append_text(error, "ERR Unknown option or number of arguments for CONFIG SET - '");
    buf_append(error, s->name, s->name_len);
    buf_append_char(error, '\'');
    return false;
}

/* Whether these options may be set at all, by name. */
static bool check_names(const struct config_change *change, struct buf *error) {
    const struct config *c = config_get();
    for (unsigned i = 0; i < change->count; i++) {
        const struct config_setting *s = &change->settings[i];
        const struct option *o = option_find(s->name, s->name_len);
        if (!o) return refuse_unknown(s, error);
        if ((o->flags & OPTION_IMMUTABLE) || ((o->flags & OPTION_BY_HOOK) && !has_hook(o)))
            return refuse_setting(s, "can't set immutable config", error);
        if ((o->flags & OPTION_PROTECTED) && !is_allowed_protected(c, change->from_local_client))
            return refuse_setting(s, "can't set protected config", error);
        for (unsigned j = 0; j < i; j++) {
            const struct config_setting *other = &change->settings[j];
            if (text_casecmp(s->name, s->name_len, other->name, other->name_len) == 0)
                return refuse_setting(s, "duplicate parameter", error);
        }
    }
    return true;
}

static bool set_all(const struct config_change *change, struct config *next, struct buf *error) {
    char why[CONFIG_WHY_MAX];
    for (unsigned i = 0; i < change->count; i++) {
        const struct option *o = option_find(change->settings[i].name, change->settings[i].name_len);
        struct config_setting s = under_table_name(&change->settings[i], o);
        struct text_word *words;
        bool unsupported;
        unsigned count = option_split(o, s.value, s.value_len, &words);
        bool fine = option_set(o, next, words, count, &unsupported, why);
        mem_free(words);
        if (!fine) return refuse_setting(&s, why, error);
    }
    config_normalize(next);
    return true;
}

static bool apply_all(const struct config_change *change, const struct config *next, struct buf *error) {
    char why[CONFIG_WHY_MAX];
    struct hook_run run = {.before = config_get(), .after = next};
    for (unsigned i = 0; i < change->count; i++) {
        const struct option *o = option_find(change->settings[i].name, change->settings[i].name_len);
        if (run_hooks_of(&run, o, why)) continue;
        log_warning(
            "Failed applying new configuration. Possibly related to new %s setting. Restoring previous "
            "settings.",
            o->name);
        undo_hooks(&run);
        struct config_setting s = under_table_name(&change->settings[i], o);
        return refuse_setting(&s, why, error);
    }
    return true;
}

bool config_set(const struct config_change *change, struct buf *error) {
    ASSERT(change->count > 0);
    if (!check_names(change, error)) return false;
    config_lock();
    struct config *next = config_copy(config_get());
    bool fine = set_all(change, next, error) && apply_all(change, next, error);
    if (fine)
        config_publish(next);
    else
        config_free(next);
    config_unlock();
    return fine;
}

bool config_is_sensitive(const char *name, size_t len) {
    const struct option *o = option_find(name, len);
    return o && (o->flags & OPTION_SENSITIVE);
}
