/* cmd/info.c: INFO [section ...]. Runs without holds of its own: see info.h for where its values come
 * from. */
#include "server/info.h"
#include "server/call.h"

static void cmd_info(struct call *c) {
    info_sections wanted = c->argc == 1 ? info_sections_named("default", 7) : 0;
    for (unsigned i = 1; i < c->argc; i++) wanted |= info_sections_named(c->argv[i].data, c->argv[i].len);
    struct buf text = {0};
    info_append(&text, c, wanted);
    reply_verbatim(c->reply, "txt", text.data ? text.data : "", text.len);
    buf_free(&text);
}

static const char *const tips[] = {"nondeterministic_output", "request_policy:all_shards",
                                   "response_policy:special", NULL};

struct command info_commands[] = {
    {.name = "info",
     .arity = -1,
     .flags = CMD_LOADING | CMD_STALE,
     .categories = ACL_SLOW | ACL_DANGEROUS,
     .handler = cmd_info,
     .group = "server",
     .summary = "Get information and statistics about the server",
     .since = "1.0.0",
     .complexity = "O(1)",
     .tips = tips},
    {0},
};
