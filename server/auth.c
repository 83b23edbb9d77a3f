/* auth.c: see auth.h. */
#include "server/auth.h"

#include "server/client.h"
#include "server/config.h"

#include <string.h>

static const char only_user[] = "default";

/* Compares in a time that depends on what was given, not on how much of it is right. */
static bool is_same_secret(const char *secret, const char *given, size_t given_len) {
    size_t secret_len = strlen(secret);
    unsigned char difference = secret_len != given_len;
    for (size_t i = 0; i < given_len; i++) {
        /* The NUL at the end of the secret serves where it is too short: there is always a byte to compare
         * with. */
        difference |= (unsigned char)(secret[i % (secret_len + 1)] ^ given[i]);
    }
    return difference == 0;
}

bool auth_user_exists(const char *name, size_t len) {
    return len == sizeof only_user - 1 && memcmp(name, only_user, len) == 0;
}

bool auth_takes_any_password(void) {
    return *config_get()->requirepass == 0;
}

bool auth_let_in(struct client *c, const char *name, size_t name_len, const char *password,
                 size_t password_len) {
    if (!auth_user_exists(name, name_len)) return false;
    const char *secret = config_get()->requirepass;
    if (*secret && !is_same_secret(secret, password, password_len)) return false;
    client_set(c, CLIENT_AUTHENTICATED);
    return true;
}

void auth_reset(struct client *c) {
    if (auth_takes_any_password())
        client_set(c, CLIENT_AUTHENTICATED);
    else
        client_unset(c, CLIENT_AUTHENTICATED);
}
