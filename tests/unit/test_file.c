/* test_file.c: files through the ring: whole reads and writes, errors by name, faults that fail and that hang. */
#include "shard/rt/file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shard/base/mem.h"
#include "shard/rt/clock.h"

enum { TURNS_MAX = 200, TURN_NS = 10000000, LARGE = 3 * 1024 * 1024 };

struct job {
    struct file_operation op;
    bool is_done;
    int64_t result;
};

static struct thread thread;
static char directory[] = "/tmp/gyre-file-XXXXXX";
static char path[128], other[128];

static void finished(struct thread *t, struct file_operation *op, int64_t result) {
    struct job *job = (struct job *)op;
    cr_assert_eq(t, &thread);
    cr_assert(!job->is_done);
    job->is_done = true;
    job->result = result;
}

static void turn(void) {
    thread_turn(&thread, TURN_NS);
    const struct completion *c;
    while ((c = ring_next(thread.ring))) file_completion(&thread, c);
    file_resume_waiting(&thread);
}

static int64_t wait_for(struct job *job) {
    for (int i = 0; i < TURNS_MAX && !job->is_done; i++) turn();
    cr_assert(job->is_done, "the operation did not end");
    job->is_done = false;
    return job->result;
}

static void setup(void) {
    char why[512];
    clock_init();
    snprintf(thread.name, sizeof thread.name, "test");
    cr_assert(thread_start(&thread, false, why, sizeof why), "%s", why);
    cr_assert(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/a", directory);
    snprintf(other, sizeof other, "%s/b", directory);
}

static void finish(void) {
    unlink(path);
    unlink(other);
    rmdir(directory);
    ring_close(thread.ring);
}

TestSuite(file, .init = setup, .fini = finish, .timeout = 60);

static struct job job = {.op.done = finished};

static int opened(const char *name, int flags) {
    file_open(&thread, &job.op, name, flags, 0644);
    int64_t fd = wait_for(&job);
    cr_assert_geq(fd, 0);
    return (int)fd;
}

Test(file, what_was_written_is_read_back) {
    int fd = opened(path, O_RDWR | O_CREAT);
    char *bytes = mem_alloc(LARGE), *back = mem_zalloc(LARGE + 1);
    for (int i = 0; i < LARGE; i++) bytes[i] = (char)(i * 7);
    file_write(&thread, &job.op, fd, bytes, LARGE, 0);
    cr_assert_eq(wait_for(&job), LARGE);
    file_write(&thread, &job.op, fd, "end", 3, LARGE);
    cr_assert_eq(wait_for(&job), 3);
    file_sync_range(&thread, &job.op, fd, 0, LARGE);
    cr_assert_eq(wait_for(&job), 0);
    file_sync(&thread, &job.op, fd, true);
    cr_assert_eq(wait_for(&job), 0);
    file_read(&thread, &job.op, fd, back, LARGE + 1, 3);
    cr_assert_eq(wait_for(&job), LARGE, "a read ends where the file does");
    cr_assert_eq(memcmp(bytes + 3, back, LARGE - 3), 0);
    cr_assert_eq(memcmp(back + LARGE - 3, "end", 3), 0);
    file_close(&thread, fd);
    turn();
    cr_assert_eq(fcntl(fd, F_GETFD), -1);
    mem_free(bytes);
    mem_free(back);
}

Test(file, pieces_lie_one_behind_the_other) {
    int fd = opened(path, O_RDWR | O_CREAT);
    char back[16] = "";
    struct iovec pieces[] = {{"one", 3}, {"two", 3}, {"three", 5}};
    struct ring_pieces what = {.pieces = pieces, .count = 3, .durable = true, .offset = 1};
    file_write_pieces(&thread, &job.op, fd, &what);
    cr_assert_eq(wait_for(&job), 11);
    file_read(&thread, &job.op, fd, back, sizeof back, 1);
    cr_assert_eq(wait_for(&job), 11, "the operation is used for something else");
    cr_assert_str_eq(back, "onetwothree");
    /* A durable one is also a sync: what makes that fail makes it fail. */
    file_fault(FILE_SYNC, 0, EIO);
    file_write_pieces(&thread, &job.op, fd, &what);
    cr_assert_eq(wait_for(&job), -EIO);
    what.durable = false;
    file_write_pieces(&thread, &job.op, fd, &what);
    cr_assert_eq(wait_for(&job), 11);
    file_heal();
    file_close(&thread, fd);
    turn();
}

Test(file, names_change_and_go) {
    file_close(&thread, opened(path, O_RDWR | O_CREAT));
    file_rename(&thread, &job.op, path, other);
    cr_assert_eq(wait_for(&job), 0);
    cr_assert_neq(access(path, F_OK), 0);
    file_remove(&thread, &job.op, other);
    cr_assert_eq(wait_for(&job), 0);
    file_remove(&thread, &job.op, other);
    cr_assert_eq(wait_for(&job), -ENOENT);
    file_make_directory(&thread, &job.op, other, 0755);
    cr_assert_eq(wait_for(&job), 0);
    struct stat is;
    cr_assert(stat(other, &is) == 0 && S_ISDIR(is.st_mode));
    rmdir(other);
}

Test(file, errors_come_as_numbers) {
    file_open(&thread, &job.op, "/nowhere/at/all", O_RDONLY, 0);
    cr_assert_eq(wait_for(&job), -ENOENT);
    int fd = opened("/dev/full", O_WRONLY);
    file_write(&thread, &job.op, fd, "x", 1, 0);
    cr_assert_eq(wait_for(&job), -ENOSPC);
    file_close(&thread, fd);
}

Test(file, a_fault_counts_and_heals) {
    int fd = opened(path, O_RDWR | O_CREAT);
    file_fault(FILE_WRITE, 1, ENOSPC);
    file_write(&thread, &job.op, fd, "a", 1, 0);
    cr_assert_eq(wait_for(&job), 1, "the first is let through");
    for (int i = 0; i < 3; i++) {
        file_write(&thread, &job.op, fd, "b", 1, 1);
        cr_assert_eq(wait_for(&job), -ENOSPC);
    }
    file_sync(&thread, &job.op, fd, false);
    cr_assert_eq(wait_for(&job), 0, "other kinds are not concerned");
    file_heal();
    file_write(&thread, &job.op, fd, "b", 1, 1);
    cr_assert_eq(wait_for(&job), 1);
    file_close(&thread, fd);
}

Test(file, a_disk_that_hangs_goes_on_when_healed) {
    int fd = opened(path, O_RDWR | O_CREAT);
    struct job sync = {.op.done = finished};
    file_fault(FILE_SYNC, 0, 0);
    file_sync(&thread, &sync.op, fd, true);
    for (int i = 0; i < 3; i++) turn();
    cr_assert(!sync.is_done);
    file_heal();
    cr_assert_eq(wait_for(&sync), 0);
    file_close(&thread, fd);
}

Test(file, kinds_have_names) {
    cr_assert_eq(file_kind_named("write"), FILE_WRITE);
    cr_assert_eq(file_kind_named("sync-range"), FILE_SYNC_RANGE);
    cr_assert_eq(file_kind_named("nonsense"), FILE_KINDS);
}
