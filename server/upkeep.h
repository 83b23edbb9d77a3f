/* upkeep.h: what a shard does between commands: its slices' expiry and resizing, freeing of detached tables,
 * its clients' timeouts. All in bounded steps, the next of which runs in the next turn.
 */
#ifndef GYRE_SERVER_UPKEEP_H
#define GYRE_SERVER_UPKEEP_H

#include <stdint.h>

struct worker;

void upkeep_init(struct worker *w);
/* How long the thread may sleep: not at all while there is upkeep to go on with. */
uint64_t upkeep_wait_ns(struct worker *w);
/* One turn's share. The thread holds nothing. */
void upkeep_run(struct worker *w);
/* After it, when the thread sends nothing home any more: frees for a while what other threads let go of
 * that came from this one's heap. */
void upkeep_free_strays(struct worker *w);

#endif
