/* aof_save.c: see aof_save.h.
 *
 * A step goes on with the text under way; when there is none, with the elements collected, each command saying in front
 * how many it has; when there are none, collects some more. PEXPIREAT comes last.
 */
#include "persist/aof_save.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"

#include <string.h>

enum {
    ELEMENTS_PER_COMMAND = 64, /* as Redis has it */
    WORDS_BEFORE = 2,          /* the name and the key */
    ITEM_COST = 16,            /* of an item beside its bytes, in bytes of budget */
};

static const char *const names[TYPE_COUNT] = {
    [TYPE_STRING] = "SET", [TYPE_LIST] = "RPUSH", [TYPE_SET] = "SADD",
    [TYPE_ZSET] = "ZADD",  [TYPE_HASH] = "HMSET",
};

/* ---- words ---- */

/* "<mark><n>\r\n" */
static void write_head(struct rdb_writer *w, char mark, uint64_t n) {
    char text[TEXT_I64_MAX + 3];
    size_t len = 1;
    text[0] = mark;
    len += text_from_u64(text + len, n);
    text[len++] = '\r';
    text[len++] = '\n';
    rdb_write_raw(w, text, len);
}

static void write_word(struct rdb_writer *w, const char *text, size_t len) {
    write_head(w, '$', len);
    rdb_write_raw(w, text, len);
    rdb_write_raw(w, "\r\n", 2);
}

static void write_integer(struct rdb_writer *w, int64_t n) {
    char digits[TEXT_I64_MAX];
    write_word(w, digits, text_from_i64(digits, n));
}

static void begin_command(const struct aof_save *s, uint64_t words) {
    const char *name = names[s->type];
    ASSERT(name);
    write_head(s->out, '*', WORDS_BEFORE + words);
    write_word(s->out, name, strlen(name));
    write_word(s->out, s->key, s->key_len);
}

void aof_save_select(struct rdb_writer *w, unsigned database) {
    write_head(w, '*', 2);
    write_word(w, "SELECT", 6);
    write_integer(w, database);
}

/* ---- long words ---- */

static void begin_text(struct aof_save *s, const char *text, size_t len) {
    ASSERT(!s->text);
    if (len <= RDB_PIECE_BYTES) {
        write_word(s->out, text, len);
        return;
    }
    write_head(s->out, '$', len);
    s->text = text;
    s->text_left = len;
}

/* Goes on with the text under way; returns what that cost. */
static size_t text_step(struct aof_save *s, size_t budget) {
    size_t part = s->text_left < budget ? s->text_left : budget;
    rdb_write_raw(s->out, s->text, part);
    s->text += part;
    s->text_left -= part;
    if (s->text_left > 0) return part;
    rdb_write_raw(s->out, "\r\n", 2);
    s->text = NULL;
    return part;
}

/* ---- values ---- */

static void begin_string(struct aof_save *s, const struct entry *e) {
    char digits[TEXT_I64_MAX];
    size_t len;
    begin_command(s, 1);
    if (entry_encoding(e) == ENC_BLOB) {
        s->blob = blob_ref(entry_blob(e));
        begin_text(s, s->blob->data, s->blob->len);
    } else {
        const char *text = entry_string(e, digits, &len);
        write_word(s->out, text, len);
    }
    s->walk.over = true;
}

void aof_save_begin(struct aof_save *s, struct rdb_writer *w, const struct entry *e) {
    *s = (struct aof_save){.out = w, .type = entry_type(e), .when_ms = entry_when(e)};
    const char *key = entry_key(e, &s->key_len);
    s->key = mem_dup(key, s->key_len);
    if (s->type == TYPE_STRING)
        begin_string(s, e);
    else
        value_walk_begin(&s->walk, s->type, entry_object(e));
}

/* Writes the next of the items collected; returns what that cost. */
static size_t item_step(struct aof_save *s) {
    bool pairs = s->type == TYPE_HASH || s->type == TYPE_ZSET;
    size_t left = s->walk.count - s->next, most = pairs ? 2 * ELEMENTS_PER_COMMAND : ELEMENTS_PER_COMMAND;
    if (s->words_left == 0) {
        s->words_left = left < most ? left : most;
        begin_command(s, s->words_left);
    }
    /* ZADD has the score in front of the member. */
    const struct walk_item *item = &s->walk.items[s->type == TYPE_ZSET ? s->next ^ 1 : s->next];
    s->next++;
    s->words_left--;
    char number[TEXT_DOUBLE_MAX];
    switch (item->kind) {
    case ITEM_INTEGER: write_integer(s->out, item->integer); break;
    case ITEM_SCORE: write_word(s->out, number, text_from_double(number, sizeof number, item->score)); break;
    case ITEM_TEXT:
        begin_text(s, item->text, item->len);
        if (!s->text) return ITEM_COST + item->len;
        break;
    }
    return ITEM_COST;
}

static void write_deadline(struct aof_save *s) {
    if (s->when_ms >= 0) {
        write_head(s->out, '*', 3);
        write_word(s->out, "PEXPIREAT", 9);
        write_word(s->out, s->key, s->key_len);
        write_integer(s->out, s->when_ms);
    }
    s->ended = true;
}

bool aof_save_step(struct aof_save *s, size_t budget) {
    ASSERT(s->out && budget > 0);
    for (size_t spent = 0; spent < budget && !s->ended;) {
        if (s->text) {
            spent += text_step(s, budget - spent);
        } else if (s->next < s->walk.count) {
            spent += item_step(s);
        } else if (s->walk.over) {
            write_deadline(s);
        } else {
            s->next = 0;
            value_walk_collect(&s->walk);
            spent += ITEM_COST;
        }
    }
    return !s->ended;
}

void aof_save_end(struct aof_save *s) {
    value_walk_end(&s->walk);
    mem_free(s->key);
    if (s->blob) blob_unref(s->blob);
    *s = (struct aof_save){0};
}
