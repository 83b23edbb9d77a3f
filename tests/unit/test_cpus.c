/* test_cpus.c: lists of processors as server-cpulist has them, and pinning. */
#include "shard/rt/cpus.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <string.h>

static struct cpu_list list;

static void expect(const char *text, const int *cpus, unsigned count) {
    memset(&list, 0xff, sizeof list);
    cr_assert(cpus_parse(text, &list), "%s", text);
    cr_assert_eq(list.count, count, "%s", text);
    for (unsigned i = 0; i < count; i++) cr_assert_eq(list.cpu[i], cpus[i], "%s, place %u", text, i);
}
#define EXPECT(text, ...)                                                                                    \
    expect(text, (const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

Test(cpus, lists) {
    EXPECT("0", 0);
    EXPECT("3,1,2", 3, 1, 2);
    EXPECT("0-3", 0, 1, 2, 3);
    EXPECT("5-5", 5);
    EXPECT("0-3,6,8-14:2", 0, 1, 2, 3, 6, 8, 10, 12, 14);
    EXPECT("0-10:4", 0, 4, 8);
    EXPECT("1023", 1023);
    EXPECT("7,7", 7, 7);
}

Test(cpus, what_is_no_list) {
    static const char *const wrong[] = {
        "",      "a",    "1,",    ",1",   "1-",     "-1",  "3-1", "1 2",
        "1, 2",  "0-3:", "0-3:0", "1024", "0-1024", "1;2", "0x1", "99999999999999999999",
        "0-3:-1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_assert_not(cpus_parse(wrong[i], &list), "'%s'", wrong[i]);
        cr_assert_eq(list.count, 0);
    }
}

Test(cpus, a_list_is_bounded) {
    cr_assert(cpus_parse("0-1023,0-1023", &list));
    cr_assert_eq(list.count, CPUS_MAX);
    cr_assert_eq(list.cpu[CPUS_MAX - 1], 1023);
}

Test(cpus, pinning) {
    unsigned usable = cpus_usable();
    cr_assert_geq(usable, 1);
    cpu_set_t set;
    cr_assert_eq(sched_getaffinity(0, sizeof set, &set), 0);
    cr_assert_eq(usable, (unsigned)CPU_COUNT(&set));
    int cpu = 0;
    while (!CPU_ISSET(cpu, &set)) cpu++;
    cr_assert(cpus_pin_thread(cpu));
    cr_assert_eq(cpus_usable(), 1);
    cr_assert_eq(sched_getcpu(), cpu);
    cr_assert_not(cpus_pin_thread(CPU_SETSIZE - 1), "there is no such processor here");
}
