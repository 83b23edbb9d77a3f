/* supervise.h: the service manager that started the process, if any (option supervised).
 *
 * systemd is told by datagrams to the socket that NOTIFY_SOCKET names, in the words of sd_notify(3): that the
 * server is ready, and that it is about to end. Upstart waits for the process to stop itself once. Main
 * thread only, but for supervise_name.
 */
#ifndef GYRE_SERVER_SUPERVISE_H
#define GYRE_SERVER_SUPERVISE_H

#include <stdbool.h>

/* Finds out who supervises, by `wanted` (enum config_supervised) and the environment. True if anybody does:
 * then the process must stay in the foreground. */
bool supervise_detect(int wanted);
/* Says that the start goes on, that it is over, that the end begins. */
void supervise_starting(void);
void supervise_ready(void);
void supervise_stopping(void);
/* "systemd", "upstart" or "no": who was found. Any thread. */
const char *supervise_name(void);

#endif
