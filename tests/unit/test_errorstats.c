/* Errors counted by their first word. */
#include "server/errorstats.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct errorstat kinds[ERRORSTATS_KINDS_MAX];

Test(errorstats, kinds_are_counted_and_listed_in_order) {
    errorstats_note("WRONGTYPE");
    errorstats_note("ERR");
    errorstats_note("NOAUTH");
    errorstats_note("ERR");
    cr_assert_eq(errorstats_list(kinds), 3);
    cr_assert_str_eq(kinds[0].word, "ERR");
    cr_assert_eq(kinds[0].count, 2);
    cr_assert_str_eq(kinds[1].word, "NOAUTH");
    cr_assert_str_eq(kinds[2].word, "WRONGTYPE");
    errorstats_reset();
    cr_assert_eq(errorstats_list(kinds), 0);
    errorstats_note("ERR");
    cr_assert_eq(errorstats_list(kinds), 1);
    cr_assert_eq(kinds[0].count, 1);
}

Test(errorstats, long_words_are_cut) {
    char word[100];
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = 0;
    errorstats_note(word);
    errorstats_note("");
    cr_assert_eq(errorstats_list(kinds), 2);
    cr_assert_eq(strlen(kinds[1].word), ERRORSTATS_WORD_MAX - 1);
}

/* Whatever words come, all errors are counted somewhere. */
Test(errorstats, kinds_are_bounded) {
    char word[16];
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(word, sizeof word, "KIND%u", i * 7919 % 1000);
        errorstats_note(word);
        errorstats_note("KIND0");
    }
    unsigned count = errorstats_list(kinds);
    uint64_t sum = 0, other = 0;
    cr_assert_eq(count, ERRORSTATS_KINDS_MAX);
    for (unsigned i = 0; i < count; i++) {
        if (i > 0) cr_assert_lt(strcmp(kinds[i - 1].word, kinds[i].word), 0);
        if (strcmp(kinds[i].word, "OTHER") == 0) other = kinds[i].count;
        if (strcmp(kinds[i].word, "KIND0") == 0) cr_assert_eq(kinds[i].count, 1001);
        sum += kinds[i].count;
    }
    cr_assert_eq(sum, 2000);
    cr_assert_eq(other, 1000 - (ERRORSTATS_KINDS_MAX - 1));
}
