/* expire.c: the owner's maintenance of a slice, in steps of a bounded time: deleting overdue keys, moving
 * resizes on.
 *
 * Runs on the owner's thread under the slice's hold, whenever the owner has nothing better to do and some
 * times a second in any case. The databases take turns, so that none starves. The processor's counter is
 * asked every few items: a step overruns its budget by no more than those.
 */
#include "shard/rt/clock.h"
#include "shard/store/keyspace_parts.h"
#include "shard/store/policy.h"

enum {
    ITEMS_PER_LOOK = 16, /* keys or buckets between two looks at the clock */
};

struct maintenance {
    uint64_t begun_ticks;
    uint64_t budget_ns;
};

static bool maintenance_is_over(const struct maintenance *m) {
    return clock_ticks_to_ns(clock_ticks() - m->begun_ticks) >= m->budget_ns;
}

static void drop_overdue(struct visit *v, struct home home, struct entry *e) {
    uint64_t hash = keyspace_entry_hash(e);
    struct entry **at = table_find_entry(&home.keyspace->table, e, hash);
    ASSERT(at && keyspace_is_past(v, home.slice, e));
    keyspace_drop(v, home, at, hash, DROP_EXPIRED);
    v->expired++;
}

/* Deletes overdue keys, on a replica only those whose time was set here. True when the time is up and more may be
 * waiting. */
static bool maintain_expiry(struct visit *v, struct home home, const struct maintenance *m) {
    struct wheel *wheel = home.keyspace->wheel;
    bool replica = home.slice->switches & SWITCH_REPLICA;
    while (wheel && (!replica || wheel_set_here(wheel))) {
        unsigned budget = ITEMS_PER_LOOK;
        struct entry *e;
        if (!replica) wheel_take_back(wheel, &budget);
        while ((e = wheel_overdue(wheel, visit_now(v), &budget))) {
            if (replica && !entry_deadline(e)->set_here)
                wheel_set_aside(wheel, e);
            else
                drop_overdue(v, home, e);
        }
        if (budget > 0) return false;
        if (maintenance_is_over(m)) return true;
    }
    return false;
}

static bool maintain_table(struct home home, const struct maintenance *m) {
    if (home.slice->switches & SWITCH_LOADING)
        return false; /* it has been given room for what is still to come */
    while (table_step(&home.keyspace->table, ITEMS_PER_LOOK))
        if (maintenance_is_over(m)) return true;
    return false;
}

bool keyspace_maintain(struct visit *v, struct slice *s, unsigned budget_us) {
    ASSERT(hold_is_mine(&s->hold, v->thread));
    const struct policy *p = policy_get();
    struct maintenance m = {.begun_ticks = clock_ticks(), .budget_ns = (uint64_t)budget_us * 1000};
    bool expire =
        p->active_expire && !(s->switches & (SWITCH_PAUSE_WRITES | SWITCH_PAUSE_ALL | SWITCH_LOADING));
    for (unsigned i = 0; i < slices.databases; i++) {
        unsigned database = s->maintain_database;
        s->maintain_database = database + 1 < slices.databases ? database + 1 : 0;
        struct home home = home_of(s, database);
        if (!home.keyspace) continue;
        if (expire && maintain_expiry(v, home, &m)) return true;
        if (p->active_rehashing && maintain_table(home, &m)) return true;
    }
    return false;
}

void keyspace_check(const struct slice *s) {
    size_t keys = 0, expiring = 0, bytes = 0;
    for (unsigned i = 0; i < slices.databases; i++) {
        const struct keyspace *ks = slice_keyspace(s, i);
        if (!ks) continue;
        table_check(&ks->table);
        if (ks->wheel) wheel_check(ks->wheel);
        keys += table_count(&ks->table);
        expiring += wheel_count(ks->wheel);
        bytes += ks->entry_bytes;
        ASSERT(counter_get(&ks->keys) == table_count(&ks->table));
        ASSERT(counter_get(&ks->expiring) == wheel_count(ks->wheel));
    }
    ASSERT(keys == counter_get(&s->counters.keys));
    ASSERT(expiring == counter_get(&s->counters.expiring));
    ASSERT(bytes == counter_get(&s->counters.entry_bytes));
}
