/* supervise.c: see supervise.h. */
#include "server/supervise.h"

#include "server/config.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { STATE_BYTES_MAX = 128 };

static enum config_supervised found = SUPERVISED_NO;

static bool detect_systemd(bool must) {
    if (getenv("NOTIFY_SOCKET")) {
        log_notice(
            "Supervised by systemd. Please make sure you set appropriate values for TimeoutStartSec and "
            "TimeoutStopSec in your service unit.");
        return true;
    }
    if (must) log_warning("systemd supervision error: NOTIFY_SOCKET not found!");
    return false;
}

static bool detect_upstart(bool must) {
    if (getenv("UPSTART_JOB")) {
        log_notice("Supervised by upstart, will stop to signal readiness.");
        return true;
    }
    if (must) log_warning("upstart supervision requested, but UPSTART_JOB not found!");
    return false;
}

bool supervise_detect(int wanted) {
    bool any = wanted == SUPERVISED_AUTO;
    ASSERT(found == SUPERVISED_NO);
    if ((any || wanted == SUPERVISED_UPSTART) && detect_upstart(!any))
        found = SUPERVISED_UPSTART;
    else if ((any || wanted == SUPERVISED_SYSTEMD) && detect_systemd(!any))
        found = SUPERVISED_SYSTEMD;
    return found != SUPERVISED_NO;
}

const char *supervise_name(void) {
    return found == SUPERVISED_SYSTEMD ? "systemd" : found == SUPERVISED_UPSTART ? "upstart" : "no";
}

static void tell_systemd(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (found != SUPERVISED_SYSTEMD || !path || !*path) return;
    size_t path_len = strlen(path);
    if (path_len >= sizeof address.sun_path) {
        log_warning("Could not notify the service manager: NOTIFY_SOCKET is too long");
        return;
    }
    memcpy(address.sun_path, path, path_len);
    if (*path == '@') address.sun_path[0] = 0; /* an abstract name */
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_len);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, len) < 0)
        log_warning("Could not notify the service manager at %s: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
}

void supervise_starting(void) {
    tell_systemd("STATUS=Gyre is starting...\n");
}

void supervise_ready(void) {
    char state[STATE_BYTES_MAX];
    snprintf(state, sizeof state, "READY=1\nMAINPID=%d\nSTATUS=Ready to accept connections\n", (int)getpid());
    tell_systemd(state);
    if (found != SUPERVISED_UPSTART) return;
    unsetenv("UPSTART_JOB");
    raise(SIGSTOP);
}

void supervise_stopping(void) {
    tell_systemd("STOPPING=1\n");
}
