/* test_set.c: sets against an array of flags in all three forms, their walks, and whether chance is fair.
 *
 * A member is a number in [0, UNIVERSE); `style` says how it is spelled, which decides the forms the set
 * takes.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/store/value_methods.h"
#include "shard/type/object.h"
#include "shard/type/set.h"
#include "shard/type/types.h"

enum { UNIVERSE = 800, TEXT_MAX = 200 };
enum style { INTEGERS, SHORT_TEXT, LONG_TEXT, MIXED, STYLES };

static struct random dice;

static void setup(void) {
    static bool registered;
    if (!registered) types_register();
    registered = true;
    random_seed(&dice, 1);
}

TestSuite(set, .init = setup);

static size_t below(size_t bound) {
    return random_below(&dice, bound);
}

static size_t spell(char *out, unsigned n, enum style style) {
    static const long widths[] = {1, 70000, 5000000000}; /* integers of 2, 4 and 8 bytes */
    if (style == MIXED) style = (enum style)(n % 3);
    switch (style) {
    case INTEGERS: return (size_t)snprintf(out, TEXT_MAX, "%ld", ((long)n - UNIVERSE / 2) * widths[n % 3]);
    case SHORT_TEXT: return (size_t)snprintf(out, TEXT_MAX, "m%u", n);
    default: return (size_t)snprintf(out, TEXT_MAX, "%0*u", 60 + (int)(n % 20), n);
    }
}

/* The number that this spells, or -1. */
static int number_of(struct set_member *m, enum style style) {
    size_t len;
    const char *text = set_member_text(m, &len);
    char own[TEXT_MAX];
    for (unsigned n = 0; n < UNIVERSE; n++)
        if (spell(own, n, style) == len && memcmp(own, text, len) == 0) return (int)n;
    return -1;
}

struct model {
    enum style style;
    bool has[UNIVERSE];
    size_t count;
    struct set *set;
    size_t intset_max;
};

struct seen {
    struct model *m;
    unsigned times[UNIVERSE], total;
};

static bool see(void *arg, struct set_member *member) {
    struct seen *seen = arg;
    int n = number_of(member, seen->m->style);
    cr_assert_geq(n, 0);
    cr_assert(seen->m->has[n]);
    cr_assert(set_has(seen->m->set, member));
    seen->times[n]++;
    seen->total++;
    return true;
}

/* Spelled anew each time, with nothing known beforehand. */
static struct set_member member_of(struct model *m, unsigned n, char *text) {
    struct set_member member;
    size_t len = spell(text, n, m->style);
    set_member_from_text(&member, text, len);
    return member;
}

static void check_same(struct model *m) {
    static struct seen seen;
    const struct value_methods *methods = value_methods_get(TYPE_SET);
    memset(&seen, 0, sizeof seen);
    seen.m = m;
    if (!m->set) {
        cr_assert_eq(m->count, 0);
        return;
    }
    set_check(m->set);
    cr_assert_eq(set_count(m->set), m->count);
    cr_assert_eq(methods->count(m->set), m->count);
    cr_assert(set_each(m->set, see, &seen));
    cr_assert_eq(seen.total, m->count);
    for (unsigned n = 0; n < UNIVERSE; n++) cr_assert_eq(seen.times[n], m->has[n]);
    bool is_intset = strcmp(methods->encoding(m->set), "intset") == 0;
    cr_assert_eq(is_intset, object_encoding(m->set) == OBJECT_INTSET);
    if (is_intset) cr_assert_leq(m->count, m->intset_max);
}

static void add(struct model *m, unsigned n) {
    char text[TEXT_MAX];
    struct set_member member = member_of(m, n, text);
    bool added;
    m->set = set_add(m->set, &member, m->intset_max, &added);
    cr_assert_eq(added, !m->has[n]);
    m->count += added;
    m->has[n] = true;
}

static void remove_one(struct model *m, unsigned n) {
    char text[TEXT_MAX];
    struct set_member member = member_of(m, n, text);
    bool removed;
    m->set = set_remove(m->set, &member, &removed);
    cr_assert_eq(removed, m->has[n]);
    m->count -= removed;
    m->has[n] = false;
}

static bool see_taken(void *arg, struct set_member *member) {
    struct model *m = arg;
    int n = number_of(member, m->style);
    cr_assert_geq(n, 0);
    cr_assert(m->has[n]);
    m->has[n] = false;
    m->count--;
    return true;
}

static void take(struct model *m) {
    size_t count = below(4) ? below(3) : below(m->count + 1);
    if (count > m->count) count = m->count;
    size_t expected = m->count - count;
    m->set = set_take(m->set, &dice, count, see_taken, m);
    cr_assert_eq(m->count, expected);
}

static void sample(struct model *m) {
    static struct seen seen;
    memset(&seen, 0, sizeof seen);
    seen.m = m;
    size_t count = below(2) ? below(m->count + 1) : below(m->count / 4 + 1);
    set_sample(m->set, &dice, count, see, &seen);
    cr_assert_eq(seen.total, count);
    for (unsigned n = 0; n < UNIVERSE; n++) cr_assert_leq(seen.times[n], 1);
    if (m->count > 0) set_draw(m->set, &dice, see, &seen);
}

static void replace_by_copy(struct model *m) {
    const struct value_methods *methods = value_methods_get(TYPE_SET);
    struct set *copy = methods->copy(m->set);
    cr_assert_eq(object_encoding(copy), object_encoding(m->set));
    set_free(m->set);
    m->set = copy;
}

static void change(struct model *m, unsigned reach) {
    char text[TEXT_MAX];
    unsigned n = (unsigned)below(reach);
    size_t what = below(100);
    if (!m->set || what < 50) {
        add(m, n);
    } else if (what < 85) {
        remove_one(m, n);
    } else if (what < 90) {
        take(m);
    } else if (what < 95) {
        sample(m);
    } else if (what < 96) {
        replace_by_copy(m);
    }
    struct set_member member = member_of(m, n, text);
    if (m->set) cr_assert_eq(set_has(m->set, &member), m->has[n]);
}

Test(set, random_changes_are_those_of_a_model) {
    static const size_t intset_maxima[] = {512, 20, 0, 1};
    static struct model m;
    for (unsigned run = 0; run < 24; run++) {
        unsigned reach = run % 2 ? UNIVERSE : 45;
        memset(&m, 0, sizeof m);
        m.style = (enum style)(run % STYLES);
        m.intset_max = intset_maxima[run / 2 % 4];
        for (unsigned i = 0; i < 1500; i++) {
            change(&m, reach);
            if (i % 100 == 0) check_same(&m);
        }
        check_same(&m);
        set_free(m.set);
    }
}

static struct set *set_of_numbers(size_t count, bool as_text) {
    struct set *s = NULL;
    char text[TEXT_MAX];
    for (size_t i = 0; i < count; i++) {
        struct set_member member;
        bool added;
        size_t len = (size_t)snprintf(text, sizeof text, as_text ? "member:%zu" : "%zu", i);
        set_member_from_text(&member, text, len);
        s = set_add(s, &member, 512, &added);
        cr_assert(added);
    }
    return s;
}

Test(set, forms_change_at_their_bounds) {
    for (size_t count = 500; count <= 513; count++) {
        struct set *s = set_of_numbers(count, false);
        cr_assert_eq(object_encoding(s), count <= 512 ? OBJECT_INTSET : OBJECT_TABLE);
        set_free(s);
    }
    for (size_t count = 1; count <= SET_PACKED_COUNT_MAX + 1; count++) {
        struct set *s = set_of_numbers(count, true);
        cr_assert_eq(object_encoding(s), count <= SET_PACKED_COUNT_MAX ? OBJECT_PACKED : OBJECT_TABLE);
        set_free(s);
    }
    for (size_t len = SET_PACKED_MEMBER_MAX - 1; len <= SET_PACKED_MEMBER_MAX + 1; len++) {
        char text[TEXT_MAX];
        struct set_member member;
        bool added;
        memset(text, 'x', sizeof text);
        set_member_from_text(&member, text, len);
        struct set *s = set_add(NULL, &member, 512, &added);
        cr_assert_eq(object_encoding(s), len <= SET_PACKED_MEMBER_MAX ? OBJECT_PACKED : OBJECT_TABLE);
        set_free(s);
    }
}

static bool see_until(void *arg, struct set_member *member) {
    (void)member;
    size_t *left = arg;
    return --*left > 0;
}

Test(set, a_walk_ends_where_it_is_told_to) {
    for (unsigned form = 0; form < 3; form++) {
        struct set *s = set_of_numbers(form == 1 ? 30 : 400, form > 0);
        size_t left = 7;
        cr_assert_not(set_each(s, see_until, &left));
        cr_assert_eq(left, 0);
        left = set_count(s) + 1;
        cr_assert(set_each(s, see_until, &left));
        cr_assert_eq(left, 1);
        set_free(s);
    }
}

static unsigned number_in(struct set_member *member) {
    size_t len;
    const char *text = set_member_text(member, &len);
    unsigned n = 0;
    for (size_t i = 0; i < len; i++)
        if (text[i] >= '0' && text[i] <= '9') n = n * 10 + (unsigned)(text[i] - '0');
    return n;
}

static bool see_number(void *arg, struct set_member *member) {
    unsigned *times = arg;
    times[number_in(member)]++;
    return true;
}

Test(set, scan_shows_what_stays_while_the_set_changes) {
    enum { STAY = 1000, ALL = 6000 };
    static unsigned times[ALL];
    struct set *s = set_of_numbers(STAY, true);
    uint64_t cursor = 0;
    unsigned round = 0;
    do {
        cursor = set_scan(s, cursor, see_number, times);
        for (unsigned i = 0; i < 40; i++) {
            struct set_member member;
            char text[TEXT_MAX];
            unsigned n = STAY + (unsigned)below(ALL - STAY);
            bool done;
            set_member_from_text(&member, text, (size_t)snprintf(text, sizeof text, "member:%u", n));
            /* It grows, then it shrinks. */
            s = round % 300 < 150 ? set_add(s, &member, 512, &done) : set_remove(s, &member, &done);
        }
        cr_assert_lt(++round, 100000);
    } while (cursor);
    for (unsigned n = 0; n < STAY; n++) cr_assert_geq(times[n], 1, "member %u", n);
    set_free(s);
}

/* Chi squared of `members` counts; with so many draws that a fair result beyond the bound is one in a
 * million. */
static void check_fair(const unsigned *times, size_t members, size_t draws) {
    double expected = (double)draws / (double)members, sum = 0;
    for (size_t i = 0; i < members; i++) {
        double difference = times[i] - expected;
        sum += difference * difference / expected;
    }
    double degrees = (double)members - 1;
    cr_assert_lt(sum, degrees + 5 * 1.4142 * __builtin_sqrt(degrees) + 20, "%zu members", members);
}

Test(set, every_member_is_as_likely) {
    static const size_t sizes[] = {5, 32, 100, 400};
    for (unsigned form = 0; form < 2; form++) {
        for (unsigned i = 0; i < 4; i++) {
            static unsigned times[400];
            size_t size = sizes[i];
            struct set *s = set_of_numbers(size, form);
            memset(times, 0, sizeof times);
            for (size_t draw = 0; draw < size * 200; draw++) set_draw(s, &dice, see_number, times);
            check_fair(times, size, size * 200);
            size_t counts[] = {1 + size / 10, 1 + size / 2, size - 1};
            for (unsigned k = 0; k < 3; k++) {
                memset(times, 0, sizeof times);
                for (unsigned round = 0; round < 1000; round++)
                    set_sample(s, &dice, counts[k], see_number, times);
                /* A sample's members are not independent: that only narrows the spread. */
                check_fair(times, size, counts[k] * 1000);
            }
            set_free(s);
        }
    }
}

Test(set, what_is_taken_is_as_likely) {
    for (unsigned form = 0; form < 2; form++) {
        for (size_t size = 10; size <= 100; size *= 10) {
            static unsigned times[100];
            memset(times, 0, sizeof times);
            for (unsigned round = 0; round < 2000; round++) {
                struct set *s = set_of_numbers(size, form);
                s = set_take(s, &dice, 1 + round % 5, see_number, times);
                cr_assert_eq(set_count(s), size - 1 - round % 5);
                set_free(s);
            }
            check_fair(times, size, 2000 * 3);
        }
    }
}

/* Draws of a large set are prepared ahead; what was drawn may leave before it is shown, and others may come. */
enum { LARGE = 5000, COMERS = 1000 };
static bool present[LARGE + COMERS];

static bool see_present(void *arg, struct set_member *member) {
    unsigned *n = arg;
    *n = number_in(member);
    cr_assert_lt(*n, LARGE + COMERS);
    cr_assert(present[*n], "member %u", *n);
    return true;
}

static struct set *change_named(struct set *s, unsigned n, bool add_it) {
    char text[TEXT_MAX];
    struct set_member member;
    bool done;
    set_member_from_text(&member, text, (size_t)snprintf(text, sizeof text, "member:%u", n));
    s = add_it ? set_add(s, &member, 512, &done) : set_remove(s, &member, &done);
    cr_assert_eq(done, present[n] != add_it);
    present[n] = add_it;
    return s;
}

Test(set, prepared_draws_are_of_the_set_as_it_is) {
    static unsigned times[LARGE + COMERS];
    struct set *s = set_of_numbers(LARGE, true);
    size_t draws = 0;
    for (unsigned n = 0; n < LARGE; n++) present[n] = true;
    for (unsigned round = 0; round < 600000; round++) {
        unsigned n = (unsigned)below(LARGE + COMERS), shown;
        switch (below(20)) {
        case 0: /* one leaves at random and comes back: over the rounds all are as likely */
            s = set_take(s, &dice, 1, see_present, &shown);
            present[shown] = false;
            s = change_named(s, shown, true);
            break;
        case 1:
            s = change_named(s, n, !present[n]);
            s = change_named(s, n, !present[n]);
            break;
        default:
            set_draw(s, &dice, see_present, &shown);
            times[shown]++;
            draws++;
        }
    }
    set_check(s);
    for (unsigned n = LARGE; n < LARGE + COMERS; n++) cr_assert_eq(times[n], 0);
    check_fair(times, LARGE, draws);
    /* Emptied one by one, each is taken once. */
    while (set_count(s) > 0) {
        unsigned shown;
        s = set_take(s, &dice, 1, see_present, &shown);
        present[shown] = false;
        unsigned n = (unsigned)below(LARGE);
        if (present[n]) s = change_named(s, n, false);
    }
    set_check(s);
    set_free(s);
}

Test(set, is_freed_in_steps) {
    const struct value_methods *methods = value_methods_get(TYPE_SET);
    size_t before = mem_used();
    struct set *s = set_of_numbers(20000, true);
    cr_assert_geq(methods->effort(s), 20000);
    cr_assert_leq(methods->bytes(s), mem_used() - before);
    cr_assert_geq(methods->bytes(s) * 100, (mem_used() - before) * 97);
    unsigned steps = 1;
    while (methods->free_some(s, 100)) steps++;
    cr_assert_geq(steps, 150);
    cr_assert_eq(mem_used(), before);
    struct set *small = set_of_numbers(20, true);
    cr_assert_leq(methods->effort(small), 2);
    cr_assert_not(methods->free_some(small, 1));
    cr_assert_eq(mem_used(), before);
}

Test(set, tables_shrink_when_members_leave) {
    const struct value_methods *methods = value_methods_get(TYPE_SET);
    struct set *s = set_of_numbers(50000, true);
    static unsigned times[50000];
    size_t full = methods->bytes(s);
    s = set_take(s, &dice, 49900, see_number, times);
    cr_assert_eq(set_count(s), 100);
    cr_assert_leq(methods->bytes(s), full / 50);
    set_check(s);
    set_free(s);
}
