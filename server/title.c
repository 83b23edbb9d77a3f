/* title.c: see title.h. */
#include "server/title.h"

#include "server/config.h"
#include "server/config_load.h"
#include "shard/base/assert.h"
#include "shard/base/buf.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"

#include <string.h>
#include <unistd.h>

static char *area; /* where the kernel looks; NULL until title_begin */
static size_t area_size;
static char **arguments; /* where they are now, for the life of the process */

/* Copies the texts of a list and returns the list of copies. What lies right behind `*end` widens the area. */
static char **move_away(char **list, size_t count, char **end) {
    char **moved = mem_zalloc((count + 1) * sizeof *moved);
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(list[i]) + 1;
        if (list[i] == *end) *end += size;
        moved[i] = mem_dup(list[i], size);
    }
    return moved;
}

char **title_begin(int argc, char **argv) {
    ASSERT(!area);
    if (argc < 1) return argv;
    size_t count = 0;
    char *end = argv[0];
    while (environ && environ[count]) count++;
    arguments = move_away(argv, (size_t)argc, &end);
    if (environ) environ = move_away(environ, count, &end);
    area = argv[0];
    area_size = (size_t)(end - argv[0]);
    return arguments;
}

static void append_listen_address(struct buf *out, const struct config *config) {
    if (config->port)
        buf_printf(out, "%s:%d", config->bind_count ? config->bind[0] : "*", config->port);
    else if (*config->unixsocket)
        buf_printf(out, "unixsocket:%s", config->unixsocket);
    else
        buf_append_text(out, "*:0");
}

static void append_variable(struct buf *out, const char *name, size_t len, const struct config *config,
                            const char *program) {
    if (text_is(name, len, "title"))
        buf_append_text(out, program);
    else if (text_is(name, len, "listen-addr"))
        append_listen_address(out, config);
    else if (text_is(name, len, "port"))
        buf_printf(out, "%d", config->port);
    else if (text_is(name, len, "tls-port"))
        buf_append_char(out, '0');
    else if (text_is(name, len, "unixsocket"))
        buf_append_text(out, config->unixsocket);
    else if (text_is(name, len, "config-file"))
        buf_append_text(out, *config_file_path() ? config_file_path() : "-");
    else
        ASSERT(text_is(name, len, "server-mode")); /* empty: it is neither a cluster node nor a sentinel */
}

void title_expand(const struct config *config, const char *program, struct buf *out) {
    size_t begin = out->len;
    for (const char *at = config->proc_title_template; *at; at++) {
        const char *end = *at == '{' ? strchr(at, '}') : NULL;
        if (end) {
            append_variable(out, at + 1, (size_t)(end - at - 1), config, program);
            at = end;
        } else {
            buf_append_char(out, *at);
        }
    }
    while (out->len > begin && out->data[out->len - 1] == ' ') out->len--;
    buf_append(out, "", 0);
}

void title_show(const struct config *config) {
    struct buf title = {0};
    if (!config->set_proc_title || area_size < 2) return;
    title_expand(config, arguments[0], &title);
    size_t len = title.len < area_size - 1 ? title.len : area_size - 1;
    memcpy(area, title.data, len);
    memset(area + len, 0, area_size - len);
    buf_free(&title);
}

static bool apply_title(const struct config *before, const struct config *after, char *why) {
    (void)before;
    (void)why;
    title_show(after);
    return true;
}

void title_register_hooks(void) {
    static const struct config_hook hooks[] = {
        {"proc-title-template", apply_title}, {"bind", apply_title}, {"port", apply_title}, {NULL, NULL}};
    config_register_hooks(hooks);
}
