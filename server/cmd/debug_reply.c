/* debug_reply.c: DEBUG PROTOCOL: one reply of each type, for the tests of client libraries. */
#include "server/cmd/debug_parts.h"

#include <string.h>

static void protocol_string(struct reply *r) {
    reply_bulk_text(r, "Hello World");
}

static void protocol_integer(struct reply *r) {
    reply_int(r, 12345);
}

static void protocol_double(struct reply *r) {
    reply_double(r, 3.141);
}

static void protocol_null(struct reply *r) {
    reply_null(r);
}

static void protocol_array(struct reply *r) {
    reply_array(r, 3);
    for (int i = 0; i < 3; i++) reply_int(r, i);
}

static void protocol_set(struct reply *r) {
    reply_set(r, 3);
    for (int i = 0; i < 3; i++) reply_int(r, i);
}

static void protocol_map(struct reply *r) {
    reply_map(r, 3);
    for (int i = 0; i < 3; i++) {
        reply_int(r, i);
        reply_bool(r, i == 1);
    }
}

static void protocol_attrib(struct reply *r) {
    if (r->protocol > 2) {
        reply_attribute(r, 1);
        reply_bulk_text(r, "key-popularity");
        reply_array(r, 2);
        reply_bulk_text(r, "key:123");
        reply_int(r, 90);
    }
    reply_bulk_text(r, "Some real reply following the attribute");
}

static void protocol_push(struct reply *r) {
    if (r->protocol == 2) {
        reply_error(r, "ERR RESP2 is not supported by this command");
        return;
    }
    reply_push(r, 2);
    reply_bulk_text(r, "server-cpu-usage");
    reply_int(r, 42);
    reply_bulk_text(r, "Some real reply following the push reply");
}

static void protocol_verbatim(struct reply *r) {
    static const char text[] = "This is a verbatim\nstring";
    reply_verbatim(r, "txt", text, sizeof text - 1);
}

static void protocol_true(struct reply *r) {
    reply_bool(r, true);
}

static void protocol_false(struct reply *r) {
    reply_bool(r, false);
}

static void protocol_bignum(struct reply *r) {
    static const char digits[] = "1234567999999999999999999999999999999";
    if (r->protocol == 2) {
        reply_bulk_text(r, digits);
        return;
    }
    reply_raw(r, "(", 1);
    reply_raw(r, digits, sizeof digits - 1);
    reply_raw(r, "\r\n", 2);
}

static const struct {
    const char *name;
    void (*write)(struct reply *r);
} types[] = {
    {"string", protocol_string}, {"integer", protocol_integer},   {"double", protocol_double},
    {"bignum", protocol_bignum}, {"null", protocol_null},         {"array", protocol_array},
    {"set", protocol_set},       {"map", protocol_map},           {"attrib", protocol_attrib},
    {"push", protocol_push},     {"verbatim", protocol_verbatim}, {"true", protocol_true},
    {"false", protocol_false},
};

void debug_protocol(struct call *c) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (!call_is(c, 2, types[i].name)) continue;
        types[i].write(c->reply);
        return;
    }
    reply_error(c->reply, "ERR Wrong protocol type name. Please use one of the following: "
                          "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false");
}
