/* assert.h: checks of what must be true.
 *
 * ASSERT stays on in release builds: a broken invariant stops the process, because every state after it could
 * be shown to a client or written to a file. DASSERT is for checks too costly for a hot path and is compiled
 * in by DEBUG builds only. Neither is for input: what a client, a file or the network may get wrong is
 * handled with an error.
 *
 * Any thread may call these.
 */
#ifndef GYRE_BASE_ASSERT_H
#define GYRE_BASE_ASSERT_H

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Prints the failed condition and where, then aborts: the crash handler adds the backtrace. */
_Noreturn void assert_failed(const char *condition, const char *file, int line);

#define ASSERT(condition) (LIKELY(condition) ? (void)0 : assert_failed(#condition, __FILE__, __LINE__))

#ifdef DEBUG
#define DASSERT(condition) ASSERT(condition)
#else
#define DASSERT(condition) ((void)(0 && (condition)))
#endif

#endif
