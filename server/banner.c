/* banner.c: see banner.h. Written to the log line by line, so that it is found there too. */
#include "server/banner.h"

#include "server/config.h"
#include "server/worker.h"
#include "shard/base/buf.h"
#include "shard/base/log.h"
#include "shard/store/policy.h"

#include <sys/utsname.h>
#include <unistd.h>

static void append_feature(struct buf *b, const char *name, bool found) {
    if (found) buf_printf(b, "%s%s", b->len ? ", " : "", name);
}

static void append_addresses(struct buf *b, const struct config *config) {
    for (int i = 0; config->port && i < config->bind_count; i++) {
        const char *address = config->bind[i] + (*config->bind[i] == '-');
        buf_printf(b, "%s%s:%d", i ? ", " : "", address, config->port);
    }
    if (*config->unixsocket) buf_printf(b, "%s%s", b->len ? ", " : "", config->unixsocket);
}

static void append_memory(struct buf *b, const struct config *config) {
    if (config->maxmemory == 0)
        buf_append_text(b, "no limit (maxmemory 0)");
    else
        buf_printf(b, "%llu MiB", (unsigned long long)(config->maxmemory >> 20));
}

static const char *persistence_text(const struct config *config) {
    if (config->appendonly)
        return config->appendfsync == APPEND_FSYNC_ALWAYS     ? "append-only file, synced before replies"
               : config->appendfsync == APPEND_FSYNC_EVERYSEC ? "append-only file, synced every second"
                                                              : "append-only file, synced by the system";
    if (config->save.count > 0) return "snapshots: what is newer is lost in a crash";
    return "none: what is stored is lost when the server stops";
}

void banner_print(const struct config *config, const struct ring_features *f) {
    struct buf features = {0}, addresses = {0}, memory = {0};
    struct utsname kernel;
    append_feature(&features, "defer-taskrun", f->defer_taskrun);
    append_feature(&features, "multishot accept", f->multishot_accept);
    append_feature(&features, "multishot receive", f->multishot_receive);
    append_feature(&features, "buffer rings", f->buffer_ring);
    append_feature(&features, "ring messages", f->msg_ring);
    append_addresses(&addresses, config);
    append_memory(&memory, config);
    if (uname(&kernel) != 0) kernel.release[0] = 0;
    log_notice("   ___ _  _ ___ ___");
    log_notice("  / __| || | _ \\ __|   Gyre %s", GYRE_VERSION);
    log_notice(" | (_ |\\_, |   / _|    PID %d, Linux %s", (int)getpid(), kernel.release);
    log_notice("  \\___||__/|_|_\\___|   speaks the protocol of Redis 7");
    log_notice(" ");
    log_notice("  listening    %s", addresses.data);
    log_notice("  shards       %u, %u slices, %u databases", workers_count, slices.count, slices.databases);
    log_notice("  io_uring     %s", features.data ? features.data : "basic");
    log_notice("  memory       %s", memory.data);
    log_notice("  persistence  %s", persistence_text(config));
    log_notice(" ");
    buf_free(&features);
    buf_free(&addresses);
    buf_free(&memory);
}
