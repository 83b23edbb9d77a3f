/* test_config.c: options and snapshots: defaults, values, refusals in redis-server's words, all or nothing,
 * hooks. */
#include "tests/unit/config_helper.h"

#include "shard/base/log.h"
#include "shard/store/policy.h"

#include <limits.h>

Test(config, table_is_sound) {
    for (unsigned i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        cr_assert_eq(option_find(o->name, strlen(o->name)), o, "%s", o->name);
        if (o->alias) cr_assert_eq(option_find(o->alias, strlen(o->alias)), o, "%s", o->alias);
        cr_assert(o->type && o->type->parse && o->type->print && o->initial, "%s", o->name);
        cr_assert((uint64_t)(o->min > 0 ? o->min : 0) <= o->max, "%s", o->name);
        cr_assert(option_has_field(o) || !(o->flags & OPTION_IDLE), "%s", o->name);
        cr_assert_not(o->type->own && !o->type->release, "%s", o->name);
    }
}

/* What a default is, a user can set: text and value are two forms of one thing. */
Test(config, printed_values_can_be_set_again) {
    config_init();
    for (unsigned i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        if (o->flags & (OPTION_IMMUTABLE | OPTION_BY_HOOK | OPTION_PROTECTED)) continue;
        char before[2048];
        snprintf(before, sizeof before, "%s", config_test_get(o->name));
        cr_assert_str_eq(config_test_set(o->name, before, NULL), "", "%s", o->name);
        cr_assert_str_eq(config_test_get(o->name), before, "%s", o->name);
    }
}

Test(config, defaults) {
    config_init();
    const struct config *c = config_get();
    cr_assert_eq(c->port, 6379);
    cr_assert_eq(c->bind_count, 2);
    cr_assert_str_eq(c->bind[0], "*");
    cr_assert_str_eq(c->bind[1], "-::*");
    cr_assert_eq(c->maxclients, 10000);
    cr_assert_eq(c->proto_max_bulk_len, 512ull * 1024 * 1024);
    cr_assert_eq(c->client_output_buffer_limit[CLIENT_CLASS_REPLICA].soft_bytes, 64ull * 1024 * 1024);
    cr_assert_eq(c->client_output_buffer_limit[CLIENT_CLASS_PUBSUB].soft_seconds, 60);
    cr_assert_eq(c->loglevel, LOG_NOTICE);
    cr_assert_eq(c->latency_percentile_count, 3);
    cr_assert(c->protected_mode);
    cr_assert_str_eq(c->requirepass, "");
    cr_assert_str_eq(config_test_get("save"), "3600 1 300 100 60 10000");
}

Test(config, names_in_any_case_and_aliases) {
    config_init();
    cr_assert_str_eq(config_test_set("MaxMemory", "100MB", NULL), "");
    cr_assert_eq(config_get()->maxmemory, 100ull * 1024 * 1024);
    cr_assert_str_eq(config_test_set("slave-priority", "7", NULL), "");
    cr_assert_str_eq(config_test_get("replica-priority"), "7");
    cr_assert_str_eq(config_test_set("hash-max-ziplist-entries", "1", "hash-max-listpack-entries", "2", NULL),
                     "");
    cr_assert_eq(config_get()->hash_max_listpack_entries, 2u,
                 "an alias is a name of its own; the last one wins");
}

static void refused(const char *name, const char *value, const char *why) {
    char expected[1024], before[2048];
    snprintf(before, sizeof before, "%s", config_test_get(name));
    snprintf(expected, sizeof expected, "ERR CONFIG SET failed (possibly related to argument '%s') - %s",
             name, why);
    cr_assert_str_eq(config_test_set(name, value, NULL), expected);
    cr_assert_str_eq(config_test_get(name), before);
}

Test(config, refusals) {
    config_init();
    refused("maxmemory", "x", "argument must be a memory value");
    refused("maxmemory", "-1", "argument must be a memory value");
    refused("maxmemory", "18446744073709551616", "argument must be a memory value");
    refused("timeout", "", "argument couldn't be parsed into an integer");
    refused("timeout", "2147483648", "argument must be between 0 and 2147483647 inclusive");
    refused("timeout", "-1", "argument must be between 0 and 2147483647 inclusive");
    refused("maxclients", "0", "argument must be between 1 and 4294967295 inclusive");
    refused("proto-max-bulk-len", "1048575",
            "argument must be between 1048576 and 9223372036854775807 inclusive");
    refused("protected-mode", "maybe", "argument must be 'yes' or 'no'");
    refused("maxmemory-policy", "lru",
            "argument(s) must be one of the following: volatile-lru, volatile-lfu, volatile-random, "
            "volatile-ttl, "
            "allkeys-lru, allkeys-lfu, allkeys-random, noeviction");
    refused("daemonize", "yes", "can't set immutable config");
    refused("dir", "/", "can't set protected config");
    refused("client-output-buffer-limit", "normal 1 2",
            "Wrong number of arguments in buffer limit configuration.");
    refused("client-output-buffer-limit", "clients 1 2 3",
            "Invalid client class specified in buffer limit configuration.");
    refused("client-output-buffer-limit", "normal 1 2 -3",
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.");
    refused("latency-tracking-info-percentiles", "50 x",
            "Invalid latency-tracking-info-percentiles parameters");
    refused("latency-tracking-info-percentiles", "100.5",
            "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]");
    refused("oom-score-adj-values", "1 2 2001",
            "Invalid oom-score-adj-values, elements must be between -2000 and 2000.");
    refused("shutdown-on-sigint", "save nosave",
            "shutdown options SAVE and NOSAVE can't be used simultaneously");
    refused("dbfilename", "a/b", "can't set protected config");
    refused("cluster-announce-hostname", "a_b",
            "Hostnames may only contain alphanumeric characters, hyphens or dots");
    refused("proc-title-template", "{x}", "template format is invalid or contains unknown variables");
}

Test(config, unsupported_values) {
    config_init();
    refused("appendonly", "maybe", "argument must be 'yes' or 'no'");
    refused("save", "3600 -1", "Invalid save parameters");
    refused("save", "3600", "Invalid save parameters");
    refused("notify-keyspace-events", "?", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
    refused("tls-port", "6380", "not supported by this version of Gyre");
    cr_assert_str_eq(config_test_set("appendonly", "no", "save", "", "tls-port", "0", NULL), "");
}

Test(config, event_classes_are_shown_in_one_order) {
    config_init();
    static const struct {
        const char *set, *shown;
    } cases[] = {{"", ""},       {"KEA", "AKE"}, {"g$lshzxetdK", "AK"}, {"AKmn", "AKm"}, {"nEK", "nKE"},
                 {"tK$", "$tK"}, {"m", "m"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_str_eq(config_test_set("notify-keyspace-events", cases[i].set, NULL), "");
        cr_assert_str_eq(config_test_get("notify-keyspace-events"), cases[i].shown);
    }
}

Test(config, all_or_nothing) {
    config_init();
    cr_assert_str_eq(config_test_set("maxmemory", "5", "timeout", "7", "nosuch", "1", NULL),
                     "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'");
    cr_assert_str_eq(
        config_test_set("maxmemory", "5", "TIMEOUT", "x", NULL),
        "ERR CONFIG SET failed (possibly related to argument 'timeout') - argument couldn't be parsed "
        "into an integer");
    cr_assert_str_eq(config_test_set("timeout", "1", "TimeOut", "2", NULL),
                     "ERR CONFIG SET failed (possibly related to argument 'TimeOut') - duplicate parameter");
    cr_assert_eq(config_get()->maxmemory, 0u);
    cr_assert_eq(config_get()->timeout, 0);
    cr_assert_str_eq(config_test_set("maxmemory", "5", "timeout", "7", NULL), "");
    cr_assert_eq(config_get()->maxmemory, 5u);
    cr_assert_eq(config_get()->timeout, 7);
}

Test(config, strings_belong_to_their_snapshot) {
    config_init();
    cr_assert_str_eq(config_test_set("requirepass", "one", NULL), "");
    struct config *copy = config_copy(config_get());
    cr_assert_str_eq(config_test_set("requirepass", "two", NULL), "");
    cr_assert_str_eq(copy->requirepass, "one");
    cr_assert_str_eq(config_get()->requirepass, "two");
    config_free(copy);
}

Test(config, a_value_with_a_nul_is_refused) {
    config_init();
    struct config_setting setting = {"requirepass", "a\0b", 11, 3};
    struct buf error = {0};
    cr_assert_not(config_set(&(struct config_change){&setting, 1, true}, &error));
    cr_assert_str_eq(config_get()->requirepass, "");
    buf_free(&error);
}

Test(config, brought_into_range) {
    config_init();
    cr_assert_str_eq(config_test_set("hz", "100000", NULL), "");
    cr_assert_eq(config_get()->hz, 500);
    cr_assert_str_eq(config_test_set("hz", "0", NULL), "");
    cr_assert_eq(config_get()->hz, 1);
}

Test(config, slices_and_the_log_follow) {
    config_init();
    cr_assert_str_eq(config_test_set("maxmemory", "1gb", "maxmemory-policy", "allkeys-lfu",
                                     "maxmemory-samples", "9", "loglevel", "debug", NULL),
                     "");
    cr_assert_eq(policy_get()->maxmemory_bytes, 1ull << 30);
    cr_assert_eq(policy_get()->eviction, EVICT_ALL_LFU);
    cr_assert_eq(policy_get()->maxmemory_samples, 9u);
    cr_assert_eq(log_get_level(), LOG_DEBUG);
}

Test(config, sensitive) {
    cr_assert(config_is_sensitive("RequirePass", 11));
    cr_assert(config_is_sensitive("masterauth", 10));
    cr_assert_not(config_is_sensitive("port", 4));
    cr_assert_not(config_is_sensitive("nosuch", 6));
}

/* ---- hooks ---- */

static int timeout_calls, port_calls;
static int timeout_seen_before, timeout_seen_after;

static bool apply_timeout(const struct config *before, const struct config *after, char *why) {
    (void)why;
    timeout_calls++;
    timeout_seen_before = before->timeout;
    timeout_seen_after = after->timeout;
    return true;
}

static bool apply_port(const struct config *before, const struct config *after, char *why) {
    (void)before;
    port_calls++;
    if (after->port != 13) return true;
    snprintf(why, CONFIG_WHY_MAX, "no such luck");
    return false;
}

static const struct config_hook hooks[] = {
    {"timeout", apply_timeout}, {"port", apply_port}, {"tcp-keepalive", apply_timeout}, {NULL, NULL}};

Test(config, hooks_make_options_changeable) {
    config_init();
    refused("port", "7000", "can't set immutable config");
    config_register_hooks(hooks);
    cr_assert_str_eq(config_test_set("port", "7000", NULL), "");
    cr_assert_eq(config_get()->port, 7000);
    cr_assert_eq(port_calls, 1);
    cr_assert_str_eq(config_test_set("port", "7000", NULL), "");
    cr_assert_eq(port_calls, 1, "the same value is no change");
    refused("bind", "127.0.0.1", "can't set immutable config");
}

Test(config, a_refusing_hook_undoes_the_others) {
    config_init();
    config_register_hooks(hooks);
    cr_assert_str_eq(config_test_set("timeout", "5", "tcp-keepalive", "6", "port", "13", NULL),
                     "ERR CONFIG SET failed (possibly related to argument 'port') - no such luck");
    cr_assert_eq(timeout_calls, 2, "applied once for both options, then undone");
    cr_assert_eq(timeout_seen_before, 5);
    cr_assert_eq(timeout_seen_after, 0);
    cr_assert_eq(config_get()->timeout, 0);
    cr_assert_eq(config_get()->port, 6379);
}
