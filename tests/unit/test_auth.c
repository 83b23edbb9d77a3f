/* test_auth.c: names and passwords. */
#include <criterion/criterion.h>
#include <string.h>

#include "server/auth.h"
#include "server/client.h"
#include "server/config.h"

static struct client client;

TestSuite(auth, .init = config_init);

static void require(const char *password) {
    struct config_setting setting = {"requirepass", password, strlen("requirepass"), strlen(password)};
    struct config_change change = {.settings = &setting, .count = 1, .from_local_client = true};
    struct buf error = {0};
    cr_assert(config_set(&change, &error), "%s", error.data);
}

static bool let_in(const char *name, const char *password, size_t len) {
    client_unset(&client, CLIENT_AUTHENTICATED);
    bool in = auth_let_in(&client, name, strlen(name), password, len);
    cr_assert_eq(client_has(&client, CLIENT_AUTHENTICATED), in);
    return in;
}

Test(auth, any_password_will_do_where_none_is_required) {
    cr_assert(auth_takes_any_password());
    cr_assert(let_in("default", "anything", 8));
    cr_assert(let_in("default", "", 0));
    cr_assert_not(let_in("nobody", "anything", 8));
    cr_assert_not(let_in("Default", "", 0));
    cr_assert_not(let_in("default ", "", 0));
}

Test(auth, the_password_and_nothing_else) {
    require("secret");
    cr_assert_not(auth_takes_any_password());
    cr_assert(let_in("default", "secret", 6));
    static const struct {
        const char *text;
        size_t len;
    } wrong[] = {{"", 0},
                 {"s", 1},
                 {"secre", 5},
                 {"secret\0", 7},
                 {"secrets", 7},
                 {"Secret", 6},
                 {"secres", 6},
                 {"tecret", 6},
                 {"secretsecret", 12},
                 {"secret\0secret", 13},
                 {"\0\0\0\0\0\0", 6},
                 {"secret\0secret\0", 14}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_not(let_in("default", wrong[i].text, wrong[i].len), "%zu", i);
    cr_assert_not(let_in("nobody", "secret", 6));
}

Test(auth, a_wrong_password_does_not_throw_out) {
    require("secret");
    cr_assert(let_in("default", "secret", 6));
    cr_assert_not(auth_let_in(&client, "default", 7, "wrong", 5));
    cr_assert(client_has(&client, CLIENT_AUTHENTICATED));
}

Test(auth, reset_is_as_a_new_connection) {
    client_set(&client, CLIENT_AUTHENTICATED);
    auth_reset(&client);
    cr_assert(client_has(&client, CLIENT_AUTHENTICATED));
    require("secret");
    auth_reset(&client);
    cr_assert_not(client_has(&client, CLIENT_AUTHENTICATED));
    require("");
    auth_reset(&client);
    cr_assert(client_has(&client, CLIENT_AUTHENTICATED));
}
