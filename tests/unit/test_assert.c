/* test_assert.c: a broken invariant is named in the log and ends the process. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shard/base/assert.h"
#include "shard/base/log.h"

Test(assert, true_condition_is_evaluated_once) {
    int evaluated = 0;
    ASSERT(++evaluated == 1);
    cr_assert_eq(evaluated, 1);
}

Test(assert, debug_checks_cost_nothing_in_release) {
    int evaluated = 0;
    DASSERT(++evaluated == 1);
#ifdef DEBUG
    cr_assert_eq(evaluated, 1);
#else
    cr_assert_eq(evaluated, 0);
#endif
}

Test(assert, false_condition_is_logged_and_aborts) {
    char path[] = "/tmp/test_assert.XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        log_open(path);
        volatile int apples = 2;
        ASSERT(apples == 3);
        _exit(0);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %d", status);
    char text[1024] = {0};
    cr_assert_gt(read(fd, text, sizeof text - 1), 0);
    close(fd);
    unlink(path);
    cr_assert_not_null(strstr(text, " # === ASSERTION FAILED ===\n"), "log: %s", text);
    cr_assert_not_null(strstr(text, "test_assert.c:"), "log: %s", text);
    cr_assert_not_null(strstr(text, " 'apples == 3' is not true\n"), "log: %s", text);
}
