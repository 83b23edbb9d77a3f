/* command.c: the registry of commands: see command.h.
 *
 * The lookup is an open-addressed table of names, folded to lower case, with at most a quarter of its places
 * used. It is built once and read by all threads without a lock.
 */
#include "server/command.h"

#include "server/command_table.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"

#include <stdio.h>
#include <string.h>

enum { PLACES = 2048, NAME_MAX_BYTES = 32, COMMANDS_MAX = 512 };

struct place {
    uint64_t words[NAME_MAX_BYTES / 8]; /* the name in lower case, filled up with zeros */
    size_t len;
    struct command *command;
};

static struct place places[PLACES];
static struct command *by_id[COMMANDS_MAX], *top[COMMANDS_MAX];
static unsigned id_count, top_count;
static const char *current_names[COMMANDS_MAX]; /* by id; rename-command changes them */

/* 1 to 8 bytes in a word, filled up with zeros. By loads that overlap: copied to memory in parts and read
 * back as one word, the processor would have to wait until the parts have arrived there. */
static inline uint64_t word_of(const char *bytes, size_t n) {
    uint64_t word;
    if (n == 8) {
        memcpy(&word, bytes, 8);
        return word;
    }
    if (n >= 4) {
        uint32_t first, last;
        memcpy(&first, bytes, 4);
        memcpy(&last, bytes + n - 4, 4);
        return first | (uint64_t)last << 8 * (n - 4);
    }
    const unsigned char *b = (const unsigned char *)bytes;
    return b[0] | (uint64_t)b[n / 2] << 8 * (n / 2) | (uint64_t)b[n - 1] << 8 * (n - 1);
}

/* Adds 0x20 to each byte in 'A'..'Z', without carries between bytes. */
static inline uint64_t lower(uint64_t word) {
    uint64_t low = word & 0x7f7f7f7f7f7f7f7full;
    uint64_t from_a = low + 0x3f3f3f3f3f3f3f3full, beyond_z = low + 0x2525252525252525ull;
    uint64_t upper = (from_a ^ beyond_z) & ~word & 0x8080808080808080ull;
    return word | upper >> 2;
}

/* The name folded to lower case in words of eight bytes; false when it is too long to be one. */
static inline bool fold(const char *name, size_t len, uint64_t *words) {
    if (UNLIKELY(len > NAME_MAX_BYTES)) return false;
    for (unsigned i = 0; i < NAME_MAX_BYTES / 8; i++) {
        size_t n = len < 8 ? len : 8;
        words[i] = n > 0 ? lower(word_of(name, n)) : 0;
        name += n;
        len -= n;
    }
    return true;
}

static inline unsigned place_of(const uint64_t *words) {
    uint64_t h = words[0] * 0x9e3779b97f4a7c15ull;
    h ^= (words[1] + words[2] * 3 + words[3] * 7) * 0xc2b2ae3d27d4eb4full;
    return (unsigned)(h >> 40) % PLACES;
}

static struct place *look_up(const char *name, size_t len) {
    uint64_t words[NAME_MAX_BYTES / 8];
    if (!fold(name, len, words)) return NULL;
    for (unsigned i = place_of(words);; i = (i + 1) % PLACES) {
        struct place *p = &places[i];
        if (!p->words[0]) return NULL;
        if (p->len == len && p->words[0] == words[0] && p->words[1] == words[1] && p->words[2] == words[2] &&
            p->words[3] == words[3])
            return p;
    }
}

struct command *commands_find(const char *name, size_t len) {
    struct place *p = look_up(name, len);
    return p ? p->command : NULL;
}

static void enter(const char *name, struct command *command) {
    uint64_t words[NAME_MAX_BYTES / 8];
    bool fits = fold(name, strlen(name), words);
    ASSERT(fits && words[0]);
    unsigned i = place_of(words);
    while (places[i].words[0]) i = (i + 1) % PLACES;
    memcpy(places[i].words, words, sizeof words);
    places[i].len = strlen(name);
    places[i].command = command;
}

static const char *full_name_of(const struct command *command) {
    if (!command->parent) return command->name;
    char text[96];
    snprintf(text, sizeof text, "%s|%s", command->parent->name, command->name);
    return mem_strdup(text);
}

/* A variant is its command in all that it does not say itself. */
static void adopt_variants(const struct command *command) {
    for (struct command *v = command->variants; v && v->name; v++) {
        ASSERT(v->handler && !v->subcommands && !v->variants);
        v->id = command->id;
        v->arity = command->arity;
        v->flags |= command->flags;
        v->categories = command->categories;
        v->full_name = command->full_name;
    }
}

static void adopt(struct command *command, struct command *parent) {
    ASSERT(id_count < COMMANDS_MAX);
    command->id = (uint16_t)id_count;
    command->parent = parent;
    command->full_name = full_name_of(command);
    current_names[id_count] = command->name;
    by_id[id_count++] = command;
    adopt_variants(command);
    for (struct command *sub = command->subcommands; sub && sub->name; sub++) adopt(sub, command);
}

/* Whether a call may change the value of one of its keys in place, rather than replace, move or delete it: a
 * collection, or a string that may be long. */
static bool changes_in_place(const struct command *c) {
    const uint32_t collections = ACL_SET | ACL_SORTEDSET | ACL_LIST | ACL_HASH | ACL_BITMAP;
    if (!(c->flags & CMD_WRITE) || (c->categories & ACL_KEYSPACE)) return false;
    bool collection = c->categories & collections;
    if (!collection && strcmp(c->name, "append") != 0 && strcmp(c->name, "setrange") != 0) return false;
    for (const struct key_spec *spec = c->keys; spec < c->keys + KEY_SPECS_MAX && spec->flags; spec++)
        if (spec->flags & KEY_RW) return true;
    return false;
}

void commands_init(void) {
    ASSERT(id_count == 0);
    for (unsigned f = 0; f < command_families_count; f++) {
        for (struct command *c = command_families[f]; c && c->name; c++) {
            ASSERT(!commands_find(c->name, strlen(c->name)));
            adopt(c, NULL);
            if (changes_in_place(c)) c->flags |= CMD_IN_PLACE;
            top[top_count++] = c;
            enter(c->name, c);
        }
    }
}

bool commands_rename(const char *name, const char *to) {
    struct place *p = look_up(name, strlen(name));
    if (!p || !p->command) return false;
    if (*to && (strlen(to) > NAME_MAX_BYTES || commands_find(to, strlen(to)))) return false;
    struct command *command = p->command;
    p->command = NULL; /* the place stays taken, so that what lies behind it is still found */
    current_names[command->id] = *to ? mem_strdup(to) : "";
    if (!*to) return true;
    struct place *old = look_up(to, strlen(to));
    if (old)
        old->command = command;
    else
        enter(to, command);
    return true;
}

struct command *commands_find_sub(const struct command *container, const char *name, size_t len) {
    for (struct command *sub = container->subcommands; sub && sub->name; sub++)
        if (text_is(name, len, sub->name)) return sub;
    return NULL;
}

struct command *commands_find_variant(struct command *command, const char *word, size_t len) {
    for (struct command *v = command->variants; v && v->name; v++)
        if (text_is(word, len, v->name)) return v;
    return command;
}

struct command *commands_find_full(const char *name, size_t len) {
    const char *bar = memchr(name, '|', len);
    if (!bar) return commands_find(name, len);
    struct command *container = commands_find(name, (size_t)(bar - name));
    return container ? commands_find_sub(container, bar + 1, len - (size_t)(bar - name) - 1) : NULL;
}

unsigned commands_count(void) {
    return id_count;
}

struct command *commands_by_id(unsigned id) {
    ASSERT(id < id_count);
    return by_id[id];
}

unsigned commands_top_count(void) {
    return top_count;
}

struct command *commands_top(unsigned i) {
    ASSERT(i < top_count);
    return top[i];
}

const char *commands_current_name(const struct command *command) {
    return current_names[command->id];
}
