/* foresee.h: asking for the cache lines of members that the next commands will look up in large objects.
 *
 * The cache lines of keys are asked for while nothing is held (prefetch.h). What lies inside an object may
 * only be read under the hold; so this happens when a slice has been taken, for all the commands of the batch
 * that are about to run under that hold. A command says which of its arguments is looked up (command.h:
 * member), a type in which table (value_methods.h: table). The hash of the member is kept for the command
 * itself (call.h: member_hash).
 *
 * Nothing depends on it but speed: what is asked for may have gone when the command runs.
 */
#ifndef GYRE_SERVER_FORESEE_H
#define GYRE_SERVER_FORESEE_H

struct request;
struct worker;

/* Looks ahead from `r`, a request of the batch whose slice the worker holds and whose command has a
 * member. */
void foresee(struct worker *w, struct request *r);

#endif
