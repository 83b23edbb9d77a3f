/* title.h: what the process is called in the lists of ps and top (set-proc-title, proc-title-template).
 *
 * The kernel shows the memory that held the program's arguments, so a title is written over them: title_begin
 * moves arguments and environment elsewhere first. One writer at a time: the main thread at start, then
 * whoever holds the configuration's lock (CONFIG SET). Readers are other processes, which may meet a title
 * half written; that is harmless.
 */
#ifndef GYRE_SERVER_TITLE_H
#define GYRE_SERVER_TITLE_H

struct buf;
struct config;

/* The first thing main does. Returns the arguments at their new place, for the life of the process. */
char **title_begin(int argc, char **argv);
/* Shows the title that the configuration asks for; nothing happens with set-proc-title no. */
void title_show(const struct config *config);
/* Appends the title to `out`: the template with {title}, {listen-addr}, {server-mode}, {port}, {tls-port},
 * {unixsocket} and {config-file} ("-" without one) filled in, without blanks at its end. */
void title_expand(const struct config *config, const char *program, struct buf *out);
/* Lets the title follow CONFIG SET. Before threads start, after the listeners' hooks. */
void title_register_hooks(void);

#endif
