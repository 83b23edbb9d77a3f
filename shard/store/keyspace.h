/* keyspace.h: every access to keys goes through here: find, make, replace, expire, delete.
 *
 * It keeps table, wheel, account and counters of a slice in step, hides keys past their time, and is the one
 * place where a later dump, watch or stream hooks each change in. Nothing here knows of clients, replies or
 * files.
 *
 * All calls need the hold of the key's slice (asserted) and are O(1) but for what they free. A `struct entry
 * **` result says where the entry stands in its table; it is valid until the next call that makes or moves a
 * key of the same slice or maintains it (finding and deleting other keys leaves it alone), and *at may be
 * replaced by a call that is given `at`.
 */
#ifndef GYRE_STORE_KEYSPACE_H
#define GYRE_STORE_KEYSPACE_H

#include "shard/rt/thread.h"
#include "shard/store/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A key of a command with all that is worked out from it once. */
struct key {
    const char *data;
    uint32_t len;
    uint16_t slot;
    uint64_t hash;
    struct slice *slice;
};

/* Works out slot, slice and hash. Pure: needs no hold. */
struct key key_make(const char *data, size_t len);

/* What one command brings along: who, in which database, at what time. */
struct visit {
    struct thread *thread;
    unsigned database;
    int64_t now_ms; /* 0 until asked for: see visit_now */
    bool no_touch;  /* CLIENT NO-TOUCH: leaves access clocks alone */
    bool quiet;     /* a miss is no event (OBJECT) */
    bool follows;   /* applies a primary's stream: keys past their time are there until it deletes them */
    bool writes; /* runs a write command, which needs a key past its time out of the way: see keyspace_find */
    uint64_t expired;       /* keys that this visit found past their time and removed */
    struct interest *ready; /* keys that clients wait for and that came to hold something: see interest.h */
};

/* The visit's one instant, read from the clock when first needed, under the hold: so no later visit is
 * earlier. */
int64_t visit_now(struct visit *v);

enum keyspace_mode {
    KEYSPACE_READ = 0,  /* counts a hit or miss, refreshes the access clock */
    KEYSPACE_WRITE = 1, /* about to be changed or replaced: no hit counted; refreshes the access clock */
    KEYSPACE_PEEK = 2,  /* neither counted nor refreshed (OBJECT, TTL's family, DEBUG) */
};

/* The live entry of a key, or NULL. One that is past its time is deleted first; on a replica and during a
 * CLIENT PAUSE, when the data stays as it is, a visit that does not write only takes no notice of it. */
struct entry **keyspace_find(struct visit *v, const struct key *k, enum keyspace_mode mode);

/* A string value to be stored. Bytes are copied (and stored as an integer where they are one in canonical
 * form); a blob is taken over: the caller's reference becomes the entry's. So is an object of another type.
 */
struct value {
    enum { VALUE_BYTES, VALUE_INT, VALUE_BLOB, VALUE_OBJECT } form;
    union {
        struct {
            const char *data;
            size_t len;
        } bytes;
        int64_t integer;
        struct blob *blob;
        struct {
            void *pointer;
            enum value_type type;
        } object;
    };
    bool raw;  /* OBJECT ENCODING shall say raw */
    bool text; /* bytes stay bytes, even where they spell an integer (INCRBYFLOAT) */
};
static inline struct value value_bytes(const char *data, size_t len) {
    return (struct value){.form = VALUE_BYTES, .bytes = {data, len}};
}
static inline struct value value_int(int64_t n) {
    return (struct value){.form = VALUE_INT, .integer = n};
}

enum { KEEP_TTL = -2, NO_TTL = -1 };

/* Makes the key, or replaces whatever it holds: `at` is what keyspace_find said (NULL: absent). when_ms:
 * KEEP_TTL, NO_TTL or a unix time >= 0. Returns where it stands. Overwrites in place where the sizes allow,
 * so the bytes of `value` must not lie in the entry that is replaced. */
struct entry **keyspace_set(struct visit *v, const struct key *k, struct entry **at, struct value value,
                            int64_t when_ms);

/* Replaces the string at `at` by an integer, keeping the deadline (INCR and the like). */
struct entry **keyspace_set_int(struct visit *v, const struct key *k, struct entry **at, int64_t n);
/* The string at `at` as `len` writable bytes, grown (zero-filled) or kept as long as it is: APPEND and
 * SETRANGE. *data points at its bytes; the encoding becomes raw. len >= its present length. */
struct entry **keyspace_writable(struct visit *v, const struct key *k, struct entry **at, size_t len,
                                 char **data);

/* Gives the key a deadline, changes it, or takes it away (when_ms = NO_TTL, else >= 0). */
struct entry **keyspace_set_deadline(struct visit *v, const struct key *k, struct entry **at,
                                     int64_t when_ms);

/* Changing an object (ENC_OBJECT) in place: keyspace_change before the first change, keyspace_changed after
 * the last, with no other call for this key in between; `object` is where it lies now (it may have moved).
 * An object that was left empty is to be deleted right afterwards. */
struct change {
    size_t bytes; /* of the object, before */
};
struct change keyspace_change(struct visit *v, const struct key *k, struct entry **at);
void keyspace_changed(struct visit *v, const struct key *k, struct entry **at, struct change change,
                      void *object);

/* Deletes what stands at `at`. */
void keyspace_delete(struct visit *v, const struct key *k, struct entry **at);

/* Takes the entry at `at` out of its place and files its value and deadline under another key (perhaps of
 * another slice or database, whose hold is held too). The target must be absent. RENAME, MOVE. */
struct entry **keyspace_move(struct visit *v, const struct key *from, struct entry **at, unsigned to_database,
                             const struct key *to);
/* The same with a copy. COPY. */
struct entry **keyspace_copy(struct visit *v, const struct key *from, struct entry **at, unsigned to_database,
                             const struct key *to);

/* Keys of one database in one slice (expired ones that still stand are counted). */
size_t keyspace_count(const struct slice *s, unsigned database);
/* Of the server: those whose time was set here while it follows a primary. With all slices held. */
size_t keyspaces_set_here(void);
size_t keyspace_expiring(const struct slice *s, unsigned database);

/* Makes room for `keys` keys in v->database of a slice, if it has none yet (loading). */
void keyspace_reserve(struct visit *v, struct slice *s, size_t keys);

/* Empties one database of a slice: the table is detached at once. What was in it is returned for
 * keyspace_discard, which frees it piece by piece. NULL when there was nothing, or when a snapshot still needs it
 * (and has it discarded afterwards). */
struct keyspace *keyspace_detach(struct visit *v, struct slice *s, unsigned database);
/* Frees up to `entries` entries; true while there is more. No hold needed: the keyspace is nobody's any more.
 */
bool keyspace_discard(struct keyspace *ks, unsigned entries);
/* Memory, of all slices, that was detached and not discarded yet. Any thread. */
size_t keyspace_discarded_bytes(void);
/* Exchanges two databases of a slice (SWAPDB). */
void keyspace_swap(struct visit *v, struct slice *s, unsigned a, unsigned b);

/* SCAN: as table_scan, over the live entries of one database of one slice. */
uint64_t keyspace_scan(struct visit *v, struct slice *s, uint64_t cursor,
                       void (*visit)(void *arg, struct entry **at), void *arg);
/* A live key of a slice's database, every one equally likely, or NULL. */
struct entry **keyspace_random(struct visit *v, struct slice *s);

/* The owner's maintenance, in steps of at most about `budget_us` microseconds under the hold (which the
 * caller has): deletes overdue keys, moves resizing tables on. Returns true while there is more to do now. */
bool keyspace_maintain(struct visit *v, struct slice *s, unsigned budget_us);

/* Asserts that table, wheel and account of a slice agree and each is sound; O(n), for tests. */
void keyspace_check(const struct slice *s);

#endif
