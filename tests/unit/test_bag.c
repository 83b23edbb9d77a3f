/* test_bag.c: the growing array of the wheel's slots against a plain array, over the border between vector
 * and chunks. */
#include <criterion/criterion.h>
#include <stdint.h>

#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/store/bag.h"

enum { MANY = 6000 };

static struct entry *fake(uintptr_t n) {
    return (struct entry *)(n * 8 + 8);
}

static void check(const struct bag *b, struct entry *const *model, uint32_t count) {
    cr_assert_eq(b->count, count);
    cr_assert_leq(count, b->room);
    for (uint32_t i = 0; i < count; i++) cr_assert_eq(*bag_at(b, i), model[i]);
}

Test(bag, random_operations_against_an_array) {
    static struct entry *model[MANY];
    struct random random;
    random_seed(&random, 9);
    size_t begun = mem_used();
    struct bag b = {0};
    uint32_t count = 0;
    for (unsigned phase = 0; phase < 12; phase++) {
        bool growing = phase % 2 == 0;
        uint32_t goal =
            growing ? 3 + (uint32_t)random_below(&random, MANY - 3) : (uint32_t)random_below(&random, 3);
        for (unsigned i = 0; growing ? count < goal : count > goal; i++) {
            if (random_below(&random, 10) < (growing ? 7 : 3) && count < MANY) {
                model[count] = fake(random_next(&random) % 1000000);
                cr_assert_eq(bag_add(&b, model[count]), count);
                count++;
            } else if (count) {
                uint32_t place = (uint32_t)random_below(&random, count);
                struct entry *moved = bag_remove(&b, place);
                count--;
                cr_assert_eq(moved, place == count ? NULL : model[count]);
                model[place] = model[count];
            }
            if (i % 512 == 0) check(&b, model, count);
        }
        check(&b, model, count);
        cr_assert_leq(bag_bytes(&b), (4 * (size_t)count + 3 * BAG_CHUNK) * sizeof(void *));
    }
    bag_clear(&b);
    cr_assert_eq(bag_bytes(&b), 0);
    cr_assert_eq(mem_used(), begun);
}

Test(bag, gives_small_room_back) {
    struct bag b = {0};
    for (uintptr_t i = 0; i < 100; i++) bag_add(&b, fake(i));
    while (b.count > 3) bag_remove(&b, 0);
    cr_assert_leq(b.room, 16);
    while (b.count) bag_remove(&b, b.count - 1);
    cr_assert_eq(b.room, 0);
}

Test(bag, drops_by_chunks) {
    size_t begun = mem_used();
    struct bag b = {0};
    for (uintptr_t i = 0; i < MANY; i++) bag_add(&b, fake(i));
    unsigned drops = 0;
    for (; b.count; drops++) {
        uint32_t before = b.count;
        bag_drop_chunk(&b);
        cr_assert_leq(before - b.count, BAG_CHUNK);
        for (uint32_t i = 0; i < b.count; i += 100) cr_assert_eq(*bag_at(&b, i), fake(i));
    }
    cr_assert_eq(drops, (MANY + BAG_CHUNK - 1) / BAG_CHUNK);
    cr_assert_eq(mem_used(), begun);
}
