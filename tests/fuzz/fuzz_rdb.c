/* fuzz_rdb.c: any bytes as an RDB file, as the records of a piece of one, and as the payload of a RESTORE.
 *
 * The first byte says as what, and how small the bits are in which a stream comes. Whatever the bytes are: no
 * crash, memory within a small multiple of them, and the ways of reading agree: what can be loaded can be
 * passed over and skimmed, to the same end. A value that was made is sound by its own check, and is saved and
 * loaded again as the same number of elements.
 */
#include "persist/rdb_check.h"
#include "persist/rdb_dump.h"
#include "persist/rdb_save.h"
#include "persist/rdb_skim.h"
#include "shard/base/assert.h"
#include "shard/base/crc64.h"
#include "shard/base/mem.h"
#include "shard/store/value_methods.h"
#include "shard/type/set.h"
#include "shard/type/types.h"

#include <sanitizer/allocator_interface.h>
#include <string.h>

enum {
    INPUT_MAX = 65536,
    BLOCK_FACTOR = 200, /* an LZF string grows 88-fold, and what is made of it may have room to spare */
    BLOCK_BASE = 1 << 20,
    KEPT_MAX = 1 << 16,
    STEP_MAX = 64,
};

static const struct rdb_limits limits = {
    .hash = {8, 16},
    .zset = {8, 16},
    .list = {.node_bytes = 256, .node_count = 16, .alone_bytes = 200},
    .intset_max = 8,
};

struct bits {
    const uint8_t *bytes;
    size_t len, step;
};

static ptrdiff_t pull(void *arg, unsigned char *to, size_t room) {
    struct bits *b = arg;
    size_t n = b->len < b->step ? b->len : b->step;
    if (n > room) n = room;
    memcpy(to, b->bytes, n);
    b->bytes += n;
    b->len -= n;
    return (ptrdiff_t)n;
}

/* ---- values ---- */

static void check_sound(const struct value *value) {
    if (value->form != VALUE_OBJECT) return;
    const void *object = value->object.pointer;
    ASSERT(value_methods_get(value->object.type)->count(object) > 0);
    switch (value->object.type) {
    case TYPE_SET: set_check(object); break;
    case TYPE_HASH: hash_check(object); break;
    case TYPE_ZSET: zset_check(object); break;
    default: break;
    }
}

/* Makes an entry of the value, which is used up. */
static struct entry *entry_of(const struct value *value) {
    struct entry_shape shape = {.encoding = ENC_INT};
    struct blob *blob = NULL;
    if (value->form == VALUE_OBJECT) {
        shape = (struct entry_shape){.type = value->object.type, .encoding = ENC_OBJECT};
    } else if (value->form == VALUE_BYTES) {
        shape.encoding = ENC_BLOB;
        blob = blob_new_from(value->bytes.data, value->bytes.len);
    }
    struct entry *e = entry_new(&shape, "k", 1);
    if (value->form == VALUE_OBJECT)
        entry_set_pointer(e, value->object.pointer);
    else if (value->form == VALUE_BYTES)
        entry_set_pointer(e, blob);
    else
        entry_set_int(e, value->integer);
    return e;
}

static void save_and_load(const struct value *value) {
    struct entry *e = entry_of(value), *twin;
    struct buf payload = {0};
    struct rdb_reader r;
    struct value again;
    rdb_dump(&payload, e, true);
    enum rdb_payload result = rdb_restore(&r, payload.data, payload.len, &limits, &again);
    ASSERT(result == RDB_PAYLOAD_VALUE);
    check_sound(&again);
    twin = entry_of(&again);
    ASSERT(entry_type(e) == entry_type(twin));
    if (entry_type(e) != TYPE_STRING) {
        const struct value_methods *methods = value_methods_get(entry_type(e));
        ASSERT(methods->count(entry_object(e)) == methods->count(entry_object(twin)));
    } else {
        ASSERT(entry_string_len(e) == entry_string_len(twin));
    }
    rdb_reader_close(&r);
    entry_free(e);
    entry_free(twin);
    buf_free(&payload);
}

/* ---- the ways of reading ---- */

static void as_payload(const uint8_t *bytes, size_t size) {
    struct rdb_reader r;
    struct value value;
    uint8_t *payload = mem_alloc(size + 10);
    if (size) memcpy(payload, bytes, size);
    payload[size] = RDB_VERSION;
    payload[size + 1] = 0;
    uint64_t sum = crc64(0, payload, size + 2);
    memcpy(payload + size + 2, &sum, sizeof sum);
    enum rdb_payload result = rdb_restore(&r, payload, size + 10, &limits, &value);
    ASSERT(result != RDB_PAYLOAD_FOREIGN);
    if (result == RDB_PAYLOAD_VALUE) {
        check_sound(&value);
        save_and_load(&value);
    } else {
        ASSERT(rdb_error(&r)[0]);
    }
    rdb_reader_close(&r);
    mem_free(payload);
}

/* Where the skimmer ends the record that begins at `at`; 0: nowhere. */
static size_t skim(const uint8_t *at, size_t left, size_t step) {
    struct rdb_skim s = {0};
    size_t len;
    for (size_t present = 0;; present += step) {
        if (present > left) present = left;
        switch (rdb_skim(&s, RDB_VERSION, at, present, &len)) {
        case RDB_SKIM_WHOLE: ASSERT(len <= present); return len;
        case RDB_SKIM_BROKEN: ASSERT(s.why); return 0;
        case RDB_SKIM_MORE: break;
        }
        if (present == left) return 0;
    }
}

/* Loads and skips side by side. */
static void as_records(const uint8_t *bytes, size_t size, size_t step) {
    struct rdb_reader loader, skipper;
    struct rdb_record record = {0}, other = {0};
    struct value value;
    rdb_reader_on_span(&loader, bytes, size, 0);
    struct bits bits = {bytes, size, step};
    rdb_reader_on_stream(&skipper, pull, &bits);
    for (;;) {
        size_t start = (size_t)rdb_reader_offset(&loader);
        enum rdb_event event = rdb_read_next(&loader, &record);
        ASSERT(rdb_read_next(&skipper, &other) == event);
        if (event == RDB_EVENT_NONE || event == RDB_EVENT_BROKEN || event == RDB_EVENT_END) break;
        if (event == RDB_EVENT_KEY) {
            enum rdb_loaded result = rdb_load_value(&loader, record.type, &limits, &value);
            if (result == RDB_LOAD_BROKEN) break;
            ASSERT(rdb_skip_value(&skipper, other.type));
            if (result == RDB_LOADED) {
                check_sound(&value);
                save_and_load(&value);
            }
        }
        ASSERT(rdb_reader_offset(&loader) == rdb_reader_offset(&skipper));
        ASSERT(skim(bytes + start, size - start, step) == rdb_reader_offset(&loader) - start);
    }
    rdb_reader_close(&loader);
    rdb_reader_close(&skipper);
}

static void as_file(const uint8_t *bytes, size_t size, size_t step) {
    struct rdb_summary summary;
    struct bits bits = {bytes, size, step};
    struct buf text = {0};
    bool fine = rdb_check(&summary, pull, &bits, 0);
    ASSERT(fine == (summary.error[0] == '\0'));
    rdb_summary_print(&summary, &text);
    buf_free(&text);
    rdb_summary_free(&summary);
}

/* No block that is asked for is much larger than the input. */
static size_t block_max = SIZE_MAX;
static void on_allocation(const volatile void *block, size_t bytes) {
    (void)block;
    ASSERT(bytes <= block_max);
}
static void on_free(const volatile void *block) {
    (void)block;
}

static void set_up(void) {
    static bool ready;
    if (ready) return;
    ready = true;
    types_register();
    __sanitizer_install_malloc_and_free_hooks(on_allocation, on_free);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    set_up();
    if (size < 1 || size > INPUT_MAX) return 0;
    size_t before = mem_used(), step = 1 + bytes[0] / 3 % STEP_MAX;
    block_max = size * BLOCK_FACTOR + BLOCK_BASE;
    switch (bytes[0] % 3) {
    case 0: as_payload(bytes + 1, size - 1); break;
    case 1: as_records(bytes + 1, size - 1, step); break;
    default: as_file(bytes + 1, size - 1, step); break;
    }
    block_max = SIZE_MAX;
    ASSERT(mem_used() <= before + KEPT_MAX); /* all of it was given back */
    return 0;
}
