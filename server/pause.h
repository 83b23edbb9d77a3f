/* pause.h: CLIENT PAUSE: commands of clients that wait until a time, or until CLIENT UNPAUSE.
 *
 * A pause begins and is ended by command at a cut, with every slice held: then the bits of slice->switches
 * are set or cleared in every slice, so that no command which runs under a hold slips past. It also ends
 * by itself when its time is over; then the bits stay as they are for a moment, until each slice's owner
 * clears them in passing (pause_forget). So a set bit only means "look": pause_blocks looks at the time
 * too. Commands that hold no slice go by the server-wide state (pause_switches), which is set before the
 * first slice is let go.
 *
 * As in Redis, a further CLIENT PAUSE only ever makes the pause stricter and longer; monitors are not
 * paused; and a pause of all commands holds back CLIENT UNPAUSE too.
 */
#ifndef GYRE_SERVER_PAUSE_H
#define GYRE_SERVER_PAUSE_H

#include <stdbool.h>
#include <stdint.h>

struct client;
struct command;
struct slice;
struct thread;

/* Begins a pause of timeout_ms >= 0 from now, or extends the one there is. `kind`: SWITCH_PAUSE_WRITES or
 * SWITCH_PAUSE_ALL. Needs all slices held. */
void pause_begin(struct thread *me, uint32_t kind, int64_t timeout_ms);
/* Ends it. Needs all slices held. */
void pause_end(struct thread *me);

/* The server's own pauses, while it means to end or hands its role over: each goes on until it is released,
 * whatever is begun or ended by command or for another reason meanwhile; and a pause by command is as it was
 * afterwards. As above. */
enum pause_reason { PAUSE_TO_END, PAUSE_TO_FAIL_OVER, PAUSE_REASONS };
void pause_keep(struct thread *me, enum pause_reason reason, uint32_t kind);
void pause_release(struct thread *me, enum pause_reason reason);

/* The pause there is now, as bits of slice->switches; 0 when there is none. Any thread, no hold needed. */
uint32_t pause_switches(void);
/* When it ends, on the monotonic clock (clock_mono_ms); 0 when there is none. */
int64_t pause_ends_ms(void);
/* Whether a command with these flags has to wait (WAIT_PAUSE) under these switches: those of a slice it
 * holds, or pause_switches(). */
bool pause_blocks(struct client *c, uint32_t command_flags, uint32_t switches);

/* Clears the bits of a pause that is over. The owner's upkeep calls it under the slice's hold. */
void pause_forget(struct slice *s);

#endif
