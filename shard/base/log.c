/* log.c: one line of text, one write(2).
 *
 * A line is put together on the caller's stack, so no lock and no allocation is needed, and the kernel keeps
 * the lines of several threads apart (the file is opened for appending). The descriptor, once a file is open,
 * keeps its number: reopening puts the new file under it with dup2, so a writer on another thread never meets
 * a closed one.
 *
 * Time of day: this is the one place outside the ring interface that asks a clock, since the log may be
 * written before any ring exists and from the crash handler. localtime_r takes a lock inside libc, which a
 * crash in the wrong place would never get; so only the offset from UTC is asked of it, once a quarter of an
 * hour (offsets change on such boundaries only) by whichever thread comes first, and the calendar is computed
 * here. Nothing past the level check asserts: a failed assertion is logged, and would come back here.
 */
#include "shard/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shard/base/assert.h"
#include "shard/base/system_log.h"

enum { QUARTER_SECONDS = 15 * 60, DAY_SECONDS = 24 * 60 * 60 };

static _Atomic int log_fd = STDOUT_FILENO;
static _Atomic int log_level_least = LOG_NOTICE;
static _Atomic bool log_to_system;
static _Atomic char log_role = 'M';
static char log_path[PATH_MAX]; /* "" is standard output; main thread only */

static _Atomic int64_t offset_quarter = -1; /* the quarter of an hour that utc_offset was asked for */
static _Atomic int64_t utc_offset;          /* seconds east of Greenwich */

static int64_t local_offset(time_t now) {
    int64_t quarter = now / QUARTER_SECONDS;
    int64_t known = atomic_load(&offset_quarter);
    /* Whoever moves the quarter on asks; the others use the old offset for these few microseconds. */
    if (known != quarter && atomic_compare_exchange_strong(&offset_quarter, &known, quarter)) {
        struct tm local;
        if (localtime_r(&now, &local) != NULL) atomic_store(&utc_offset, local.tm_gmtoff);
    }
    return atomic_load(&utc_offset);
}

struct civil_date {
    int64_t year;
    unsigned month, day; /* both from 1 */
};

/* The Gregorian date of a day number counted from 1970-01-01. Years are taken to begin in March, which
 * puts the leap day last and makes month lengths a linear formula. */
static struct civil_date date_of_day(int64_t days) {
    int64_t shifted = days + 719468; /* from 0000-03-01 */
    int64_t era = shifted / 146097;  /* 400 years */
    unsigned day_of_era = (unsigned)(shifted % 146097);
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned month_from_march = (5 * day_of_year + 2) / 153;
    struct civil_date date;
    date.day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    date.month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    date.year = era * 400 + year_of_era + (date.month <= 2);
    return date;
}

/* Writes "pid:role dd Mon yyyy HH:MM:SS.mmm level " and returns its length. */
static size_t format_prefix(char *line, size_t cap, enum log_level level) {
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t local = now.tv_sec + local_offset(now.tv_sec);
    if (local < 0) local = 0; /* a clock before 1970 */
    struct civil_date date = date_of_day(local / DAY_SECONDS);
    int second_of_day = (int)(local % DAY_SECONDS);
    int n = snprintf(line, cap, "%d:%c %02u %s %lld %02d:%02d:%02d.%03d %c ", (int)getpid(),
                     atomic_load_explicit(&log_role, memory_order_relaxed), date.day, months[date.month - 1],
                     (long long)date.year, second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60,
                     (int)(now.tv_nsec / 1000000), ".-*#"[level]);
    return n > 0 && (size_t)n < cap ? (size_t)n : 0;
}

/* A log that cannot be written (full disk, closed pipe) must not stop the server: the line is lost. */
static void write_line(const char *line, size_t len) {
    int fd = atomic_load(&log_fd);
    while (len > 0) {
        ssize_t n = write(fd, line, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        line += n;
        len -= (size_t)n;
    }
}

void log_write(enum log_level level, const char *format, ...) {
    ASSERT(level <= LOG_WARNING);
    if ((int)level < atomic_load_explicit(&log_level_least, memory_order_relaxed)) return;
    int saved_errno = errno;
    char line[LOG_LINE_MAX];
    size_t prefix_len = format_prefix(line, sizeof line, level), len = prefix_len;
    size_t room = sizeof line - len - 1; /* with the text's NUL; one byte stays for the newline */
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line + len, room, format, args);
    va_end(args);
    if (n > 0) len += (size_t)n < room ? (size_t)n : room - 1;
    if (atomic_load_explicit(&log_to_system, memory_order_relaxed)) {
        line[len] = '\0';
        system_log_write(level, line + prefix_len);
    }
    line[len++] = '\n';
    write_line(line, len);
    errno = saved_errno;
}

/* Puts the file at log_path under the log's descriptor. */
static int open_path(const char *path) {
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0) return -errno;
    int current = atomic_load(&log_fd);
    if (current == STDOUT_FILENO) {
        atomic_store(&log_fd, fd);
        return 0;
    }
    int rc = dup2(fd, current) < 0 ? -errno : 0;
    if (rc == 0) fcntl(current, F_SETFD, FD_CLOEXEC); /* dup2 clears it */
    close(fd);
    return rc;
}

int log_open(const char *path) {
    size_t len = strlen(path);
    if (len >= sizeof log_path) return -ENAMETOOLONG;
    if (len == 0) {
        int old = atomic_exchange(&log_fd, STDOUT_FILENO);
        if (old != STDOUT_FILENO) close(old);
    } else {
        int rc = open_path(path);
        if (rc != 0) return rc;
    }
    memcpy(log_path, path, len + 1);
    return 0;
}

int log_reopen(void) {
    return log_path[0] == '\0' ? 0 : open_path(log_path);
}

void log_to_syslog(const char *ident, unsigned facility) {
    system_log_open(ident, facility);
    atomic_store(&log_to_system, true);
}

void log_set_level(enum log_level level) {
    ASSERT(level <= LOG_NOTHING);
    atomic_store_explicit(&log_level_least, level, memory_order_relaxed);
}

enum log_level log_get_level(void) {
    return (enum log_level)atomic_load_explicit(&log_level_least, memory_order_relaxed);
}

void log_set_role(char role) {
    ASSERT(role != '\0' && role != '\n');
    atomic_store_explicit(&log_role, role, memory_order_relaxed);
}

int log_descriptor(void) {
    return atomic_load(&log_fd);
}
