/* rdb_compress.h: LZF compression of short strings.
 *
 * The output is what liblzf's lzf_decompress, and with it every reader of RDB files, takes. A compressor of
 * our own, because values are mostly short: lzf_compress looks each position up in a table of 64 Ki places,
 * which misses the first cache at every byte, and is never cleared, so that one value need not give the same
 * bytes twice. This one chooses its table by the input's length, and takes longer steps where nothing
 * repeats: a string of 100 random bytes, which it gives up, costs a quarter (bench_rdb).
 *
 * Pure; any thread. About 20 KiB of stack.
 */
#ifndef GYRE_PERSIST_RDB_COMPRESS_H
#define GYRE_PERSIST_RDB_COMPRESS_H

#include <stddef.h>

enum { RDB_COMPRESS_INPUT_MAX = 64 * 1024 };

/* Compresses `len` bytes, at most RDB_COMPRESS_INPUT_MAX, into at most `room`; returns how many it took, 0 if
 * they are not enough. */
size_t rdb_compress(const void *bytes, size_t len, unsigned char *out, size_t room);

#endif
