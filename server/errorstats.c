/* errorstats.c: a sorted array under a lock: see errorstats.h. Noting an error costs a search among a few
 * words. */
#include "server/errorstats.h"

#include "shard/base/assert.h"
#include "shard/rt/spin.h"

#include <stdbool.h>
#include <string.h>

static struct {
    struct spin lock;
    unsigned count;
    struct errorstat kinds[ERRORSTATS_KINDS_MAX]; /* by word */
} table;

static const char other_word[] = "OTHER";

static bool find(const char *word, unsigned *place) {
    unsigned low = 0, high = table.count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        int order = strcmp(word, table.kinds[middle].word);
        if (order == 0) {
            *place = middle;
            return true;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    *place = low;
    return false;
}

static void insert(unsigned place, const char *word) {
    ASSERT(table.count < ERRORSTATS_KINDS_MAX && place <= table.count);
    memmove(&table.kinds[place + 1], &table.kinds[place], (table.count - place) * sizeof table.kinds[0]);
    memset(&table.kinds[place], 0, sizeof table.kinds[place]);
    memcpy(table.kinds[place].word, word, strlen(word));
    table.count++;
}

void errorstats_note(const char *word) {
    char cut[ERRORSTATS_WORD_MAX] = "";
    memcpy(cut, word, strnlen(word, sizeof cut - 1));
    unsigned place;
    spin_lock(&table.lock);
    bool known = find(cut, &place);
    /* The last place is kept for OTHER. */
    if (!known && table.count >= ERRORSTATS_KINDS_MAX - 1) {
        memcpy(cut, other_word, sizeof other_word);
        known = find(cut, &place);
    }
    if (!known) insert(place, cut);
    table.kinds[place].count++;
    spin_unlock(&table.lock);
}

void errorstats_reset(void) {
    spin_lock(&table.lock);
    table.count = 0;
    spin_unlock(&table.lock);
}

unsigned errorstats_list(struct errorstat *out) {
    spin_lock(&table.lock);
    unsigned count = table.count;
    memcpy(out, table.kinds, count * sizeof *out);
    spin_unlock(&table.lock);
    ASSERT(count <= ERRORSTATS_KINDS_MAX);
    return count;
}
