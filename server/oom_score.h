/* oom_score.h: how likely the kernel is to end this process when memory runs out (oom-score-adj).
 *
 * Written to /proc/self/oom_score_adj: a number of the configuration as it is (absolute), or added to what the
 * process was started with (relative). At start on the main thread, then by CONFIG SET under the
 * configuration's lock.
 */
#ifndef GYRE_SERVER_OOM_SCORE_H
#define GYRE_SERVER_OOM_SCORE_H

struct config;

/* Applies the options at start (a refusal of the kernel is logged) and lets them follow CONFIG SET. Before
 * threads start. */
void oom_score_prepare(const struct config *config);

#endif
