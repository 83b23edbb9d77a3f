/* docs.h: the documentation of commands: what COMMAND DOCS says besides what the command's own declaration
 * has.
 *
 * The arguments of a command are written in a small notation (docs_table.c), one element after the other:
 *
 *     name~type              type: k key, s string, i integer, d double, p pattern, t unix time,
 *                            x a word by itself, o one of the elements in the parentheses, b all of them
 *     #0                     it is found by key specification 0
 *     =WORD                  it stands behind this word (of type x: it is this word)
 *     @6.2.0                 there since that version
 *     !2.8.12                deprecated since that version
 *     ? * +                  may be left out; may be repeated; may be repeated with its word
 *     (...)                  the elements of o and b
 *
 * in that order. So `SET key value [NX | XX] [EX seconds]` is
 *
 *     key~k#0 value~s condition~o?(nx~x=NX xx~x=XX) seconds~i=EX?
 *
 * The table is constant; any thread may read it.
 */
#ifndef GYRE_SERVER_DOCS_H
#define GYRE_SERVER_DOCS_H

#include "server/reply.h"

#include <stdbool.h>

struct docs {
    const char *name; /* "config|get" */
    const char *syntax;
    const char *const *history; /* version, change, ..., NULL */
    const char *flag;           /* "deprecated", "syscmd"; NULL: none */
    const char *deprecated_since, *replaced_by;
};

/* The documentation of a command by its full name; NULL when there is none (a command without arguments or
 * past). */
const struct docs *docs_find(const char *full_name);
/* All of them, sorted by name. */
extern const struct docs docs_table[];
extern const unsigned docs_count;

/* Whether the notation is well-formed. */
bool docs_syntax_is_valid(const char *syntax);
/* The number of elements at the top. */
unsigned docs_elements(const char *syntax);
/* Replies an array of argument maps, as COMMAND DOCS has it. */
void docs_reply_arguments(struct reply *r, const char *syntax);

#endif
