/* test_bench_template.c: requests made from templates: every placeholder, lengths, repetitions, hash tags. */
#include <criterion/criterion.h>

#include "bench/template.h"
#include "bench/workload.h"
#include "shard/base/mem.h"
#include "shard/base/slot.h"
#include "shard/base/text.h"

#include <stdlib.h>
#include <string.h>

static struct filling filling;
static struct drawing drawing;

static void set_up(void) {
    struct problem problem;
    const struct draw_shape uniform = {.kind = DRAW_UNIFORM};
    filling = (struct filling){.key_prefix = "key:", .keys = 1000, .fields = 10};
    cr_assert(sizes_parse("5", 100, &filling.value_sizes, &problem));
    cr_assert(sizes_parse("60", 100, &filling.ttl, &problem));
    payload_make(&filling.payload, 1000);
    drawing = (struct drawing){.sequence = 0, .sequence_step = 1, .now_ms = 1700000000123};
    random_seed(&drawing.random, 1);
    draw_start(&drawing.keys, &uniform, filling.keys, 0, 1);
}

static void tear_down(void) {
    payload_free(&filling.payload);
}

TestSuite(bench_template, .init = set_up, .fini = tear_down);

struct words {
    unsigned count;
    char word[64][2048];
    size_t len[64];
};

/* Takes a RESP array of bulk strings apart; whatever is not exactly one fails the test. */
static void take_apart(const char *bytes, size_t n, struct words *out) {
    char *end;
    cr_assert_eq(bytes[0], '*');
    out->count = (unsigned)strtoul(bytes + 1, &end, 10);
    cr_assert(out->count <= 64 && !memcmp(end, "\r\n", 2));
    const char *at = end + 2;
    for (unsigned i = 0; i < out->count; i++) {
        cr_assert_eq(*at, '$', "word %u of %.*s", i, (int)n, bytes);
        cr_assert(at[1] != '0' || at[2] == '\r', "a length has leading zeros");
        out->len[i] = strtoul(at + 1, &end, 10);
        cr_assert_not(memcmp(end, "\r\n", 2));
        memcpy(out->word[i], end + 2, out->len[i]);
        out->word[i][out->len[i]] = 0;
        at = end + 2 + out->len[i];
        cr_assert_not(memcmp(at, "\r\n", 2));
        at += 2;
    }
    cr_assert_eq((size_t)(at - bytes), n);
}

static struct words *render(const char *line, uint64_t *keys) {
    static char bytes[1 << 16];
    static struct words words;
    struct problem problem;
    struct template *t = template_make_line(&filling, line, &problem);
    cr_assert(t, "%s: %s", line, problem.text);
    cr_assert(template_largest(t) <= sizeof bytes);
    const size_t n = template_render(t, &drawing, bytes, keys);
    bytes[n] = 0;
    take_apart(bytes, n, &words);
    template_free(t);
    return &words;
}

/* That a word is so many digits, whose value is below `bound`; returns the value. */
static uint64_t number(const char *text, size_t digits, uint64_t bound) {
    cr_assert_eq(strlen(text), digits, "%s", text);
    cr_assert_eq(strspn(text, "0123456789"), digits, "%s", text);
    const uint64_t value = strtoull(text, NULL, 10);
    cr_assert_lt(value, bound);
    return value;
}

Test(bench_template, literal_words_stay_as_they_are) {
    const struct words *w = render("SET \"a b\" 'c' _x_ __nothing__", NULL);
    cr_assert_eq(w->count, 5);
    cr_assert_str_eq(w->word[1], "a b");
    cr_assert_str_eq(w->word[2], "c");
    cr_assert_str_eq(w->word[3], "_x_");
    cr_assert_str_eq(w->word[4], "__nothing__");
}

Test(bench_template, keys_are_prefix_and_twelve_digits) {
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t key;
        const struct words *w = render("GET __key__", &key);
        cr_assert_not(strncmp(w->word[1], "key:", 4));
        cr_assert_eq(number(w->word[1] + 4, 12, 1000), key);
    }
}

Test(bench_template, numbers_of_fixed_width) {
    uint64_t key;
    const struct words *w = render("X a__id__b __rand_int__ __field__ __seq__ __seq__", &key);
    cr_assert_eq(w->word[1][0], 'a');
    cr_assert_eq(w->word[1][13], 'b');
    cr_assert_eq(strtoull(w->word[1] + 1, NULL, 10), key);
    number(w->word[2], 12, 1000);
    number(w->word[3], 6, 10);
    cr_assert_eq(number(w->word[4], 12, 100), 1);
    cr_assert_eq(number(w->word[5], 12, 100), 2);
}

Test(bench_template, numbers_of_varying_width) {
    bool narrow = false, wide = false;
    for (unsigned i = 0; i < 20000; i++) {
        const struct words *w = render("ZADD z __score__ a:__score__:__ttl__ __time__", NULL);
        number(w->word[2], strlen(w->word[2]), TEMPLATE_SCORES);
        narrow |= strlen(w->word[2]) <= 4;
        wide |= strlen(w->word[2]) == 6;
        cr_assert_str_eq(strrchr(w->word[3], ':'), ":60");
        cr_assert_str_eq(w->word[4], "1700000000123");
    }
    cr_assert(narrow && wide);
}

Test(bench_template, values_belong_to_their_key) {
    uint64_t keys[2];
    struct problem problem;
    cr_assert(sizes_parse("1-1000", 1000, &filling.value_sizes, &problem));
    for (unsigned i = 0; i < 1000; i++) {
        const struct words *w = render("MSET __key__ __data__ __key__ <__data__>", keys);
        cr_assert(w->len[2] >= 1 && w->len[2] <= 1000);
        cr_assert_not(memcmp(w->word[2], payload_of(&filling.payload, keys[0]), w->len[2]));
        cr_assert_eq(w->word[4][0], '<');
        cr_assert_not(memcmp(w->word[4] + 1, payload_of(&filling.payload, keys[1]), w->len[4] - 2));
        cr_assert_eq(w->word[4][w->len[4] - 1], '>');
    }
}

Test(bench_template, an_empty_value) {
    struct problem problem;
    cr_assert(sizes_parse("0", 1000, &filling.value_sizes, &problem));
    cr_assert_eq(render("SET a __data__", NULL)->len[2], 0);
    cr_assert(sizes_parse("0-1", 1000, &filling.value_sizes, &problem));
    for (unsigned i = 0; i < 100; i++) cr_assert_leq(render("SET a __data__", NULL)->len[2], 1);
}

Test(bench_template, repetitions) {
    uint64_t keys[64];
    const struct words *w = render("MGET __key__*10", keys);
    cr_assert_eq(w->count, 11);
    for (unsigned i = 0; i < 10; i++) cr_assert_eq(number(w->word[1 + i] + 4, 12, 1000), keys[i]);
    w = render("MSET __key__,__data__*3", keys);
    cr_assert_eq(w->count, 7);
    cr_assert_eq(w->len[2], 5);
    w = render("SADD s member:__rand_int__*4", NULL);
    cr_assert_eq(w->count, 6);
    cr_assert_not(strncmp(w->word[5], "member:", 7));
    /* Not repetitions: what Redis itself writes with stars. */
    w = render("KEYS user:*1 *", NULL);
    cr_assert_eq(w->count, 3);
    cr_assert_str_eq(w->word[1], "user:*1");
}

Test(bench_template, keys_of_a_request_share_their_hash_tag) {
    filling.hash_tags = 7;
    slot_init();
    bool differ = false;
    uint16_t first = 0;
    for (unsigned i = 0; i < 200; i++) {
        uint64_t keys[4];
        const struct words *w = render("MGET __key__*4", keys);
        const uint16_t slot = slot_of_key(w->word[1], w->len[1]);
        for (unsigned k = 0; k < 4; k++) {
            cr_assert_eq(slot_of_key(w->word[1 + k], w->len[1 + k]), slot);
            cr_assert_not(strncmp(w->word[1 + k], "key:{", 5));
            cr_assert_eq(strtoull(w->word[1 + k] + 5, NULL, 10), keys[k] % 7);
            cr_assert_lt(keys[k], 1000);
        }
        if (i == 0) first = slot;
        differ |= slot != first;
    }
    cr_assert(differ);
}

Test(bench_template, what_cannot_be_a_command) {
    struct problem problem;
    cr_assert_null(template_make_line(&filling, "", &problem));
    cr_assert_null(template_make_line(&filling, "GET \"a", &problem));
    cr_assert_null(template_make_line(
        &filling, "MGET __key__*1000 __key__*1000 __key__*1000 __key__*1000 __key__*1000", &problem));
}

Test(bench_template, an_inline_command) {
    struct template *t = template_make_inline("PING");
    char out[16];
    cr_assert_eq(template_render(t, &drawing, out, NULL), 6);
    cr_assert_not(memcmp(out, "PING\r\n", 6));
    template_free(t);
}

static struct workload *mix(const char *text) {
    struct workload *w = mem_zalloc(sizeof *w);
    struct problem problem;
    cr_assert(workload_add_mix(w, &filling, text, &problem), "%s", problem.text);
    return w;
}

Test(bench_template, mixes_keep_their_ratio) {
    struct workload *w = mix("get=70,set=20,hset=10");
    unsigned drawn[3] = {0};
    for (unsigned i = 0; i < 100000; i++) drawn[workload_draw(w, &drawing.random)]++;
    cr_assert(abs((int)drawn[0] - 70000) < 700 && abs((int)drawn[1] - 20000) < 600 &&
              abs((int)drawn[2] - 10000) < 500);
    cr_assert(w->command[0].reads && !w->command[1].reads);
    cr_assert_str_eq(w->command[2].title, "HSET");
    workload_free(w);
    mem_free(w);
}

/* Every command, preset and test of the catalog can be made and rendered. */
Test(bench_template, the_whole_catalog_renders) {
    const struct preset *preset;
    const struct known_test *test;
    static char bytes[1 << 16];
    struct problem problem;
    struct workload *w = mix("ping");
    for (const char *at = catalog_command_names(); *at; at += strcspn(at, " "), at += *at == ' ') {
        const struct known_command *known = catalog_command(at, strcspn(at, " "));
        cr_assert(known);
        render(known->text, NULL);
        if (known->fill) render(known->fill, NULL);
    }
    for (unsigned i = 0; (preset = catalog_preset_at(i)); i++) {
        for (unsigned k = 0; k < 12 && preset->part[k].text; k++) render(preset->part[k].text, NULL);
        for (unsigned k = 0; k < 6 && preset->fill[k]; k++) render(preset->fill[k], NULL);
        cr_assert_eq(catalog_preset(preset->name), preset);
    }
    for (unsigned i = 0; (test = catalog_test(i)); i++) {
        workload_add_test(w, &filling, test);
        cr_assert(template_render(w->command[w->count - 1].template, &drawing, bytes, NULL) > 0);
    }
    cr_assert_not(workload_add_mix(w, &filling, "nonsense=1", &problem));
    cr_assert_not(workload_add_mix(w, &filling, "get=0", &problem));
    cr_assert_not(workload_add_mix(w, &filling, "get=x", &problem));
    cr_assert_not(workload_add_mix(w, &filling, "get=1,", &problem));
    workload_free(w);
    mem_free(w);
}

Test(bench_template, test_names_of_redis_benchmark) {
    static const struct {
        const char *word;
        unsigned tests;
    } cases[] = {{"ping", 2}, {"set", 1},  {"lrange", 5},      {"lrange_100", 2},
                 {"mset", 1}, {"all", 21}, {"PING_INLINE", 1}, {"rang", 0}};
    const struct known_test *test;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned found = 0;
        for (unsigned k = 0; (test = catalog_test(k)); k++)
            found += catalog_test_matches(test, cases[i].word, strlen(cases[i].word));
        cr_assert_eq(found, cases[i].tests, "%s: %u", cases[i].word, found);
    }
}
