/* check.c: see check.h. Files are read through plain stdio here: there is no server, and so no ring. */
#include "server/check.h"

#include "persist/aof_check.h"
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

/* As redis-check-aof asks. */
static bool ask_to_cut(const char *path, uint64_t size, uint64_t good) {
    char answer[8];
    printf("This will shrink the AOF %s from %llu bytes, with %llu bytes, to %llu bytes\n", path,
           (unsigned long long)size, (unsigned long long)(size - good), (unsigned long long)good);
    printf("Continue? [y/N]: ");
    fflush(stdout);
    if (fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y')) return true;
    printf("Aborting...\n");
    return false;
}

bool check_is_asked(int argc, char **argv) {
    return argc >= 2 && (strcmp(argv[1], "--check-rdb") == 0 || strcmp(argv[1], "--check-aof") == 0);
}

int check_run(int argc, char **argv) {
    ASSERT(check_is_asked(argc, argv));
    bool is_aof = strcmp(argv[1], "--check-aof") == 0;
    if (argc == 3 && !is_aof) return check_rdb(argv[2]);
    if (argc == 3 && strcmp(argv[2], "--fix") != 0) return aof_check(argv[2], NULL, clock_unix_ms());
    if (argc == 4 && is_aof && strcmp(argv[2], "--fix") == 0)
        return aof_check(argv[3], ask_to_cut, clock_unix_ms());
    fprintf(stderr, "usage: gyre-server --check-rdb FILE\n       gyre-server --check-aof [--fix] FILE\n");
    return 1;
}
