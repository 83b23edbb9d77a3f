/* auth.h: who may talk to the server: requirepass, for the one user there is ("default").
 *
 * A connection is let in (CLIENT_AUTHENTICATED) when it gives the password, or when none was required as
 * it was made; it stays in when a password is set later on, and one that was not let in needs nothing more
 * once none is required. Any worker's thread, for its own clients.
 */
#ifndef GYRE_SERVER_AUTH_H
#define GYRE_SERVER_AUTH_H

#include <stdbool.h>
#include <stddef.h>

struct client;

/* Whether there is a user of that name. */
bool auth_user_exists(const char *name, size_t len);
/* Whether any password is as good as another: none is required. */
bool auth_takes_any_password(void);
/* Lets the client in if name and password are right; false (and nothing changes) if not. */
bool auth_let_in(struct client *c, const char *name, size_t name_len, const char *password,
                 size_t password_len);
/* Back to what a new connection has. */
void auth_reset(struct client *c);

#endif
