/* host.c: see host.h. */
#include "server/host.h"

#include "shard/base/assert.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { PROC_FILE_MAX = 1024 };

static char system_text[3 * sizeof((struct utsname *)NULL)->release];
static char executable[PATH_MAX];

void host_init(void) {
    struct utsname name;
    if (uname(&name) == 0)
        snprintf(system_text, sizeof system_text, "%s %s %s", name.sysname, name.release, name.machine);
    ssize_t n = readlink("/proc/self/exe", executable, sizeof executable - 1);
    executable[n > 0 ? n : 0] = 0;
}

const char *host_system(void) {
    return system_text;
}

const char *host_executable(void) {
    return executable;
}

uint64_t host_memory_bytes(void) {
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
}

/* The beginning of a small file as text; false when it cannot be read. */
static bool read_proc(const char *path, char *text, size_t cap) {
    ASSERT(cap > 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t n = read(fd, text, cap - 1);
    close(fd);
    text[n > 0 ? n : 0] = 0;
    return n > 0;
}

/* The number in a field (from 0) of words parted by single blanks; 0 when there is none. */
static uint64_t number_field(const char *text, unsigned field) {
    for (; field > 0; field--) {
        text = strchr(text, ' ');
        if (!text) return 0;
        text++;
    }
    return strtoull(text, NULL, 10);
}

uint64_t host_resident_bytes(void) {
    char text[PROC_FILE_MAX];
    if (!read_proc("/proc/self/statm", text, sizeof text)) return 0;
    return number_field(text, 1) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static double seconds(struct timeval t) {
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* The thread whose number is the process's. Fields 14 and 15 of stat, in clock ticks; the name in field 2 may
 * hold anything, so counting begins behind its closing bracket. */
static void main_thread_times(struct host_cpu *cpu) {
    char path[64], text[PROC_FILE_MAX];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)getpid());
    if (!read_proc(path, text, sizeof text)) return;
    const char *behind_name = strrchr(text, ')');
    if (!behind_name) return;
    enum { USER_FIELD = 12, SYSTEM_FIELD = 13 }; /* the bracket's word is field 0 here */
    double per_second = (double)sysconf(_SC_CLK_TCK);
    cpu->main_thread_user_s = (double)number_field(behind_name, USER_FIELD) / per_second;
    cpu->main_thread_system_s = (double)number_field(behind_name, SYSTEM_FIELD) / per_second;
}

struct host_cpu host_cpu(void) {
    struct host_cpu cpu = {0};
    struct rusage self, children;
    if (getrusage(RUSAGE_SELF, &self) == 0) {
        cpu.system_s = seconds(self.ru_stime);
        cpu.user_s = seconds(self.ru_utime);
    }
    if (getrusage(RUSAGE_CHILDREN, &children) == 0) {
        cpu.children_system_s = seconds(children.ru_stime);
        cpu.children_user_s = seconds(children.ru_utime);
    }
    main_thread_times(&cpu);
    return cpu;
}

/* The number in the first line that begins with `name` ("": the file is that number). False: there is none. */
static bool read_number(const char *path, const char *name, uint64_t *number) {
    char line[128];
    bool found = false;
    FILE *file = fopen(path, "re");
    if (!file) return false;
    while (!found && fgets(line, sizeof line, file)) {
        size_t n = strlen(name);
        char *end;
        if (strncmp(line, name, n) != 0) continue;
        *number = strtoull(line + n, &end, 10);
        found = end != line + n;
    }
    fclose(file);
    return found;
}

uint64_t host_memory_left(void) {
    uint64_t available_kib = 0, limit = 0, current = 0, left = UINT64_MAX;
    if (read_number("/proc/meminfo", "MemAvailable:", &available_kib)) left = available_kib * 1024;
    if (read_number("/sys/fs/cgroup/memory.max", "", &limit) &&
        read_number("/sys/fs/cgroup/memory.current", "", &current)) {
        uint64_t of_group = limit > current ? limit - current : 0;
        if (of_group < left) left = of_group;
    }
    return left;
}
