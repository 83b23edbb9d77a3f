/* linear.h: decides whether a short history of any commands has a legal order (see model.h).
 *
 * A search in the manner of Wing and Gong, with Lowe's memory of what was tried: it holds how far each
 * connection has been put into the order, and the state of the model; from there every connection's next
 * command may come, unless another command was answered before that one was sent. A command whose reply the
 * model contradicts is a dead end. Connections keep their order, so "how far each has come" is the whole of
 * the position, and position and state together need to be tried once only. It finds every illegal history
 * and no other; the price is time exponential in how many connections overlap, so rounds are short, and a
 * search past its bound says so.
 *
 * A transaction is a run of commands that take effect together: the search puts all of them into the order at once.
 *
 * Pure, but for memory; any thread.
 */
#ifndef GYRE_HISTORY_LINEAR_H
#define GYRE_HISTORY_LINEAR_H

#include "tests/history/model.h"

enum { LINEAR_CONNECTIONS = 16, LINEAR_OPS_EACH = 32, LINEAR_TRIED_MAX = 1 << 21 };

enum linear_verdict { LINEAR_LEGAL, LINEAR_ILLEGAL, LINEAR_UNDECIDED };

/* `ops` lists the commands of each connection in the order they were sent; connections may be mixed. The
 * state before the first is `initial`. `longest`, if not NULL, gets the largest number of commands that a
 * legal order could begin with. */
enum linear_verdict linear_check(const struct model_state *initial, const struct model_op *ops, size_t count,
                                 size_t *longest);

#endif
