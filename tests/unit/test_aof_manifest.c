/* test_aof_manifest.c: the manifest is read and written as redis-server 7 does; what is wrong is refused. */
#include <criterion/criterion.h>

#include "persist/aof_manifest.h"

#include <string.h>

static void parse(struct aof_manifest *m, const char *text) {
    const char *why;
    unsigned line;
    cr_assert(aof_manifest_parse(m, text, strlen(text), &why, &line), "line %u: %s", line, why);
}

static void expect(const struct aof_manifest *m, const char *text) {
    struct buf out = {0};
    aof_manifest_format(m, &out);
    cr_assert_str_eq(out.data, text);
    buf_free(&out);
}

static void refuse(const char *text, unsigned at_line, const char *because) {
    struct aof_manifest m = {0};
    const char *why;
    unsigned line;
    cr_assert_not(aof_manifest_parse(&m, text, strlen(text), &why, &line), "%s", text);
    cr_assert_str_eq(why, because);
    cr_assert_eq(line, at_line);
    aof_manifest_free(&m);
}

Test(aof_manifest, comes_out_as_it_went_in) {
    struct aof_manifest m = {0};
    parse(&m, "# a comment\n"
              "file a.aof.2.base.rdb seq 2 type b\n"
              "file a.aof.4.incr.aof seq 4 type i\n"
              "file a.aof.1.base.rdb seq 1 type h\n"
              "type i seq 7 file \"a b.7.incr.aof\" startoffset 0\n");
    cr_assert_eq(m.count, 4);
    cr_assert_eq(m.base_number, 2);
    cr_assert_eq(m.increment_number, 7);
    cr_assert_str_eq(aof_manifest_base(&m)->name, "a.aof.2.base.rdb");
    cr_assert_str_eq(aof_manifest_last_increment(&m)->name, "a b.7.incr.aof");
    expect(&m, "file a.aof.2.base.rdb seq 2 type b\n"
               "file a.aof.1.base.rdb seq 1 type h\n"
               "file a.aof.4.incr.aof seq 4 type i\n"
               "file \"a b.7.incr.aof\" seq 7 type i\n");
    aof_manifest_free(&m);
}

Test(aof_manifest, a_rewrite_makes_history) {
    struct aof_manifest m = {0}, copy;
    cr_assert_str_eq(aof_manifest_add_increment(&m, "x")->name, "x.1.incr.aof");
    expect(&m, "file x.1.incr.aof seq 1 type i\n");
    aof_manifest_add_increment(&m, "x");
    aof_manifest_copy(&copy, &m);
    cr_assert_str_eq(aof_manifest_set_base(&m, "x", true, 1)->name, "x.1.base.rdb");
    expect(&m, "file x.1.base.rdb seq 1 type b\n"
               "file x.1.incr.aof seq 1 type h\n"
               "file x.2.incr.aof seq 2 type i\n");
    aof_manifest_add_increment(&m, "x");
    aof_manifest_forget_history(&m);
    aof_manifest_set_base(&m, "x", false, 1);
    expect(&m, "file x.2.base.aof seq 2 type b\n"
               "file x.2.incr.aof seq 2 type h\n"
               "file x.1.base.rdb seq 1 type h\n"
               "file x.3.incr.aof seq 3 type i\n");
    expect(&copy, "file x.1.incr.aof seq 1 type i\nfile x.2.incr.aof seq 2 type i\n");
    aof_manifest_free(&m);
    aof_manifest_free(&copy);
}

Test(aof_manifest, an_old_file_is_taken_over) {
    struct aof_manifest m = {0};
    aof_manifest_adopt(&m, "appendonly.aof");
    expect(&m, "file appendonly.aof seq 1 type b\n");
    cr_assert_null(aof_manifest_last_increment(&m));
    cr_assert_str_eq(aof_manifest_set_base(&m, "appendonly.aof", true, 0)->name, "appendonly.aof.2.base.rdb");
    aof_manifest_free(&m);
}

Test(aof_manifest, what_is_wrong_is_refused) {
    const char *bad = "Invalid AOF manifest file format";
    refuse("", 0, "Found an empty AOF manifest");
    refuse("# nothing\n", 1, "Found an empty AOF manifest");
    refuse("\n", 1, bad);
    refuse("file a seq 1\n", 1, bad);
    refuse("file a seq 1 type\n", 1, bad);
    refuse("file a seq 0 type b\n", 1, bad);
    refuse("file a seq x type b\n", 1, bad);
    refuse("file \"a seq 1 type b\n", 1, bad);
    refuse("file a seq 1 type b\nfile b seq 2 type q\n", 2, "Unknown AOF file type");
    refuse("file ../a seq 1 type b\n", 1, "File can't be a path, just a filename");
    refuse("file a seq 1 type b\nfile b seq 2 type b\n", 2, "Found duplicate base file information");
    refuse("file a seq 2 type i\nfile b seq 2 type i\n", 2, "Found a non-monotonic sequence number");
    refuse("file a seq 1 type b", 1, "The AOF manifest file contains too long line");
}
