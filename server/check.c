/* check.c: see check.h. Files are read through plain stdio here: there is no server, and so no ring. */
#include "server/check.h"

#include "persist/rdb_check.h"
#include "shard/base/assert.h"
#include "shard/rt/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static ptrdiff_t read_file(void *arg, unsigned char *to, size_t room) {
    size_t n = fread(to, 1, room, arg);
    return n == 0 && ferror((FILE *)arg) ? -1 : (ptrdiff_t)n;
}

static int check_rdb(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "gyre-server: cannot open '%s': %s\n", path, strerror(errno));
        return 1;
    }
    struct rdb_summary summary;
    struct buf text = {0};
    bool sound = rdb_check(&summary, read_file, file, clock_unix_ms());
    rdb_summary_print(&summary, &text);
    fwrite(text.data, 1, text.len, stdout);
    buf_free(&text);
    rdb_summary_free(&summary);
    fclose(file);
    return sound ? 0 : 1;
}

bool check_is_asked(int argc, char **argv) {
    return argc >= 2 && strcmp(argv[1], "--check-rdb") == 0;
}

int check_run(int argc, char **argv) {
    ASSERT(check_is_asked(argc, argv));
    if (argc == 3) return check_rdb(argv[2]);
    fprintf(stderr, "usage: gyre-server --check-rdb FILE\n");
    return 1;
}
