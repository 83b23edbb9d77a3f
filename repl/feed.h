/* feed.h: the one stream while somebody wants it: see persist/stream.h for what it is.
 *
 * It is open while the append-only file or replicas use it; while nobody does, nothing is logged and a write pays
 * nothing. Who begins to use it does so at a cut: the stream has everything from that instant on. Who ends,
 * at a cut as well, has everything up to it once the cut is reached in the stream, reads that, and leaves.
 *
 * While this server is a replica its stream is relayed: what comes is its primary's bytes (stream_relay), and its
 * followers get the very same bytes. What is changed here alone the threads log only for the file.
 *
 * All calls on the coordinator's thread.
 */
#ifndef GYRE_REPL_FEED_H
#define GYRE_REPL_FEED_H

#include "persist/stream.h"
#include "repl/coordinator.h"

#include <stdbool.h>

enum feed_user { FEED_FILE = STREAM_FILE, FEED_REPLICAS = STREAM_REPLICAS, FEED_USERS };

/* With all slices held: the stream is open from here on, for this user too. */
struct stream *feed_begin(struct coordinator *c, enum feed_user user);
/* With all slices held: nothing more is wanted. `cut` tells when all before this instant is in the stream, whose
 * readers the user keeps until feed_leave. */
void feed_end(struct coordinator *c, enum feed_user user, struct stream_cut *cut);
/* The user's readers have left. The stream closes once nobody uses it. */
void feed_leave(enum feed_user user);

/* With all slices held, or before threads start: from here on the stream is relayed, or merged. */
void feed_set_relayed(bool relayed);
bool feed_is_relayed(void);
/* Whether, while it is relayed, there may be changes that are not the primary's. At a cut as well. */
void feed_set_changes_itself(bool on);
/* Who knows what has been applied and was not relayed yet: all of it is by `catch_up`, called by feed_complete; up to a
 * place (oplog_note_place) by the other. Once, at the start. */
void feed_register_relay(void (*catch_up)(void), void (*catch_up_to)(uint64_t place));
/* With all slices held, or when nothing is under way: all that has happened is in the stream when this returns. */
void feed_complete(void);
/* Says what a primary said: see stream_relay. Nothing happens while the stream is closed. */
void feed_relay(const char *bytes, size_t n, int64_t before, int64_t after);
/* The same of what is not applied yet but will be, all of it, before the next cut: replicas need not wait for that. Only
 * where it may, and until feed_caught_up says that it has been. */
bool feed_may_run_ahead(void);
void feed_run_ahead(const char *bytes, size_t n, int64_t before, int64_t after);
void feed_caught_up(void);
/* Bytes at the end of the stream that are not applied yet. */
size_t feed_ahead(void);
/* The database that those who follow have selected at the end of the stream; what it is where a relayed one begins. */
int64_t feed_selected(void);
void feed_set_selected(int64_t database);

/* NULL while it is closed. */
struct stream *feed_stream(void);
/* Merges what can be merged now, at most so many bytes. */
void feed_merge(uint64_t bytes_max);
/* Whether all entries before this ticket are in the stream; and all that was logged. */
bool feed_has_before(uint64_t ticket);
bool feed_has_all(void);

#endif
