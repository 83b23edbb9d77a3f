/* identity.c: see identity.h. */
#include "repl/identity.h"

#include "shard/base/assert.h"
#include "shard/rt/spin.h"

#include <string.h>

static struct identity now = {.id = REPLICATION_ID_NONE, .second_id = REPLICATION_ID_NONE, .second_end = -1};
static struct spin lock;

static void make_id(struct random *r, char id[static REPLICATION_ID_LEN + 1]) {
    for (unsigned i = 0; i < REPLICATION_ID_LEN; i++) id[i] = "0123456789abcdef"[random_below(r, 16)];
    id[REPLICATION_ID_LEN] = 0;
}

bool identity_is_id(const char *text) {
    return strlen(text) == REPLICATION_ID_LEN && strspn(text, "0123456789abcdef") == REPLICATION_ID_LEN;
}

static void set(const struct identity *identity) {
    ASSERT(identity_is_id(identity->id) && identity_is_id(identity->second_id));
    ASSERT(identity->offset >= 0 && identity->second_end <= identity->offset);
    spin_lock(&lock);
    now = *identity;
    spin_unlock(&lock);
}

struct identity identity_get(void) {
    spin_lock(&lock);
    struct identity identity = now;
    spin_unlock(&lock);
    return identity;
}

void identity_begin(struct random *r) {
    struct identity next = {
        .second_id = REPLICATION_ID_NONE, .second_end = -1, .offset = identity_get().offset};
    make_id(r, next.id);
    set(&next);
}

void identity_set_offset(int64_t offset) {
    ASSERT(offset >= 0);
    spin_lock(&lock);
    now.offset = offset;
    spin_unlock(&lock);
}

void identity_adopt(const char *id, int64_t offset) {
    ASSERT(identity_is_id(id));
    struct identity next = {.second_id = REPLICATION_ID_NONE, .second_end = -1, .offset = offset};
    memcpy(next.id, id, sizeof next.id);
    set(&next);
}

/* What is ours so far becomes the second history's, and goes on under another name. */
static void turn_into(const char *id) {
    struct identity next = identity_get();
    memcpy(next.second_id, next.id, sizeof next.id);
    memcpy(next.id, id, sizeof next.id);
    next.second_end = next.offset;
    set(&next);
}

void identity_rename(const char *id) {
    ASSERT(identity_is_id(id));
    if (strcmp(identity_get().id, id) != 0) turn_into(id);
}

void identity_fork(struct random *r) {
    char id[REPLICATION_ID_LEN + 1];
    make_id(r, id);
    turn_into(id);
}

void identity_recover(struct random *r, const char *id, int64_t offset) {
    identity_adopt(id, offset);
    identity_fork(r);
}
