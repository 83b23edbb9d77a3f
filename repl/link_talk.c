/* link_talk.c: what is said before a dump or the stream comes: PING, AUTH, REPLCONF, PSYNC or SYNC, and the answers. */
#include "repl/link_parts.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct link *const l = &the_link;

/* A command of so many words. */
static void command(unsigned count, ...) {
    struct buf text = {0};
    va_list words;
    buf_printf(&text, "*%u\r\n", count);
    va_start(words, count);
    for (unsigned i = 0; i < count; i++) {
        const char *word = va_arg(words, const char *);
        buf_printf(&text, "$%zu\r\n%s\r\n", strlen(word), word);
    }
    va_end(words);
    link_say(text.data, text.len);
    buf_free(&text);
}

void link_talk_begin(void) {
    l->state = LINK_PINGS;
    command(1, "PING");
}

static void introduce(void) {
    const struct link_settings *s = &l->settings;
    char port[16];
    l->state = LINK_INTRODUCES;
    l->answers_left = 2;
    if (*s->user && *s->password) {
        command(3, "AUTH", s->user, s->password);
        l->answers_left++;
    } else if (*s->password) {
        command(2, "AUTH", s->password);
        l->answers_left++;
    }
    snprintf(port, sizeof port, "%d", s->announced_port);
    command(3, "REPLCONF", "listening-port", port);
    if (*s->announced_host) {
        command(3, "REPLCONF", "ip-address", s->announced_host);
        l->answers_left++;
    }
    command(5, "REPLCONF", "capa", "eof", "capa", "psync2");
}

static void ask(void) {
    char id[REPLICATION_ID_LEN + 1], from[32];
    int64_t first;
    l->state = LINK_ASKS;
    if (l->old_primary) {
        command(1, "SYNC");
        l->host->comes_anew("", -1);
        link_dump_begin();
        return;
    }
    if (l->settings.failover) {
        l->host->wants(id, &first);
        snprintf(from, sizeof from, "%lld", (long long)first);
        log_notice("Asking it to take over (%s:%s)", id, from);
        command(4, "PSYNC", id, from, "FAILOVER");
    } else if (l->host->wants(id, &first)) {
        snprintf(from, sizeof from, "%lld", (long long)first);
        log_notice("Trying a partial resynchronization (request %s:%s).", id, from);
        command(3, "PSYNC", id, from);
    } else {
        log_notice("Partial resynchronization not possible (no history that could go on)");
        command(3, "PSYNC", "?", "-1");
    }
}

static void refuse(const char *what, const char *line) {
    char why[LINK_WHY_MAX];
    snprintf(why, sizeof why, "%s: '%.200s'", what, line);
    link_fail(why);
}

/* The last word of an introduction, or the only one: the password may be wrong. */
static void introduced(const char *line) {
    bool authenticates = *l->settings.password && l->answers_left == (*l->settings.announced_host ? 4 : 3);
    l->answers_left--;
    if (authenticates && *line == '-') {
        refuse("it does not let us in (masteruser, masterauth)", line);
        return;
    }
    if (*line == '-') log_notice("(Non critical) The primary does not understand REPLCONF: %.200s", line);
    if (l->answers_left == 0) ask();
}

static void pinged(const char *line) {
    bool wants_password = strncmp(line, "-NOAUTH", 7) == 0 || strncmp(line, "-NOPERM", 7) == 0 ||
                          strncmp(line, "-ERR operation not permitted", 28) == 0;
    if (*line != '+' && !wants_password) {
        refuse("an error in answer to PING", line);
        return;
    }
    introduce();
}

static void begin_anew(const char *line) {
    char id[REPLICATION_ID_LEN + 1], format[24];
    long long offset;
    snprintf(format, sizeof format, "+FULLRESYNC %%%ds %%lld", REPLICATION_ID_LEN);
    if (sscanf(line, format, id, &offset) != 2 || !identity_is_id(id) || offset < 0) {
        refuse("its FULLRESYNC is not understood", line);
        return;
    }
    log_notice("Full resync from the primary: %s:%lld", id, offset);
    l->host->comes_anew(id, offset);
    link_dump_begin();
}

/* "+CONTINUE" of a server before 4.0, or with the id under which it goes on. */
static void go_on(const char *line) {
    char own[REPLICATION_ID_LEN + 1];
    int64_t first;
    const char *id = line + 9;
    while (*id == ' ') id++;
    if (!*id && l->host->wants(own, &first)) id = own;
    if (!identity_is_id(id)) {
        refuse("its CONTINUE is not understood", line);
        return;
    }
    log_notice("Successful partial resynchronization with the primary.");
    l->state = LINK_LOADS; /* what follows is the stream */
    l->host->goes_on(id);
}

static void asked(const char *line) {
    if (strncmp(line, "+FULLRESYNC ", 12) == 0) {
        begin_anew(line);
    } else if (strncmp(line, "+CONTINUE", 9) == 0) {
        go_on(line);
    } else if (strncmp(line, "-ERR unknown command", 20) == 0) {
        log_notice("The primary does not know PSYNC: it is asked for SYNC instead");
        l->old_primary = true;
        ask();
    } else if (strncmp(line, "-NOMASTERLINK", 13) == 0 || strncmp(line, "-LOADING", 8) == 0) {
        refuse("it cannot serve replicas just now", line);
    } else {
        refuse("an error in answer to PSYNC", line);
    }
}

static void hear(const char *line) {
    switch (l->state) {
    case LINK_PINGS: pinged(line); break;
    case LINK_INTRODUCES: introduced(line); break;
    case LINK_ASKS: asked(line); break;
    case LINK_RECEIVES:
        if (*line == '-')
            refuse("it gave the synchronization up", line);
        else if (!link_dump_announced(line))
            refuse("it does not say how the dump ends", line);
        break;
    default: ASSERT(!"a state in which lines are heard");
    }
}

void link_talk(void) {
    char line[LINK_LINE_MAX];
    do {
        const char *end = l->input.len ? memchr(l->input.data, '\n', l->input.len) : NULL;
        if (!end && l->input.len >= sizeof line) refuse("it says what no primary says", "a long line");
        if (!end) return;
        size_t n = (size_t)(end - l->input.data), used = n + 1;
        if (n && l->input.data[n - 1] == '\r') n--;
        if (n >= sizeof line) n = sizeof line - 1;
        memcpy(line, l->input.data, n);
        line[n] = 0;
        buf_consume(&l->input, used);
        if (n > 0) hear(line); /* an empty one says that it lives */
    } while ((l->state >= LINK_PINGS && l->state <= LINK_ASKS) ||
             (l->state == LINK_RECEIVES && !l->dump.known));
}
