/* mem_home.c: lists of blocks on their way to the thread that owns them: see mem_home.h.
 *
 * Who owns a block only the allocator knows, and it answers just one question in public: is this block of
 * that heap? Asking it for each heap in turn would be dear with many threads, so the answer is remembered
 * per segment (its pages all belong to one thread) for as long as one sending lasts. A wrong answer, of a
 * segment that changed hands meanwhile, does no harm: who gets the block frees it all the same.
 *
 * Other ways were thought of. Small steps with pauses: the owner looks at foreign frees only when it
 * allocates, and may sleep for as long as it likes. Making the owner allocate often: it then learns of each
 * page's first foreign free only, and pages that become empty later are found by mi_collect, which walks
 * all of them in one go. A tag in each block: eight bytes more for each of millions of small ones. Nodes
 * allocated by the heap of their slice's owner: a heap may be used on its own thread only, and any thread
 * runs commands on any slice.
 *
 * Asking whether a heap has a block reads the heap, so a heap must not go while somebody sends.
 * mem_home_close takes it off the list first and then waits until all who may have seen it are through;
 * both sides are sequentially consistent: either the sender finds it gone or the closer finds the sender
 * sending.
 *
 * With libc's allocator there is no owner; blocks are dealt out by address, so that sanitizers see this
 * code run.
 */
#include "shard/base/mem_home.h"

#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "shard/base/assert.h"
#include "shard/base/mem.h"

#ifndef MEM_LIBC
#include <mimalloc.h>
#endif

enum { CACHE_LINE_BYTES = 64, NO_HOME = MEM_HOMES_MAX };

/* What a block is while it is on its way. */
struct stray {
    struct stray *next;
};

static struct home {
    _Alignas(CACHE_LINE_BYTES) _Atomic(void *) heap; /* NULL: closed, or never opened */
    _Atomic bool sending;
    _Alignas(CACHE_LINE_BYTES) _Atomic(struct stray *) arrived; /* pushed by everyone, taken by the owner */
    _Atomic unsigned unheeded; /* about how many have arrived since the owner last looked */
    struct stray *taken;       /* the owner's alone */
} homes[MEM_HOMES_MAX];

static _Atomic unsigned homes_count; /* the highest number ever opened, and one */

/* The lists of one sending, and which are not empty. */
static _Thread_local struct outbox {
    struct stray *first, *last;
    unsigned count;
} outboxes[MEM_HOMES_MAX];
static _Thread_local struct mem_homes outboxes_used;

_Thread_local bool mem_home_sends;
static _Thread_local unsigned own = NO_HOME;

/* ---- whose it is ---- */

#ifdef MEM_LIBC

static unsigned owner_of(void *block) {
    if (mem_size(block) < sizeof(struct stray)) return NO_HOME;
    unsigned number = (unsigned)((uintptr_t)block / CACHE_LINE_BYTES) %
                      atomic_load_explicit(&homes_count, memory_order_relaxed);
    return atomic_load(&homes[number].heap) ? number : NO_HOME;
}

static void forget_owners(void) {}

static void *own_heap(void) {
    return homes;
}

#else

enum { SEGMENT_BITS = 25, REMEMBERED = 64 };

static _Thread_local struct {
    uintptr_t segment; /* 0: nothing */
    unsigned owner;
} remembered[REMEMBERED];

static unsigned find_owner(const void *block) {
    unsigned count = atomic_load_explicit(&homes_count, memory_order_acquire);
    for (unsigned i = 0; i < count; i++) {
        mi_heap_t *heap = atomic_load(&homes[i].heap);
        if (heap && mi_heap_contains_block(heap, block)) return i;
    }
    return NO_HOME;
}

static unsigned owner_of(void *block) {
    uintptr_t segment = (uintptr_t)block >> SEGMENT_BITS;
    unsigned at = segment % REMEMBERED;
    if (LIKELY(remembered[at].segment == segment)) return remembered[at].owner;
    unsigned owner = find_owner(block);
    remembered[at].segment = segment;
    remembered[at].owner = owner;
    return owner;
}

static void forget_owners(void) {
    memset(remembered, 0, sizeof remembered);
}

static void *own_heap(void) {
    return mi_heap_get_default();
}

#endif

/* ---- sending ---- */

bool mem_home_take(void *block) {
    DASSERT(mem_home_sends && block);
    unsigned owner = owner_of(block);
    if (owner == own || owner == NO_HOME) return false;
    struct stray *stray = block;
    struct outbox *box = &outboxes[owner];
    if (!box->first) {
        box->last = stray;
        outboxes_used.bits[owner / 64] |= (uint64_t)1 << (owner % 64);
    }
    stray->next = box->first;
    box->first = stray;
    box->count++;
    return true;
}

void mem_home_send(void) {
    ASSERT(own != NO_HOME && !mem_home_sends);
    atomic_store(&homes[own].sending, true);
    forget_owners(); /* one may have closed */
    mem_home_sends = true;
}

/* Hands one list over; true if there are now enough for the owner to be woken. */
static bool hand_over(struct home *to, struct outbox *box) {
    struct stray *before = atomic_load_explicit(&to->arrived, memory_order_relaxed);
    do {
        box->last->next = before;
    } while (!atomic_compare_exchange_weak(&to->arrived, &before, box->first));
    unsigned count = box->count, unheeded = atomic_fetch_add(&to->unheeded, count);
    *box = (struct outbox){0};
    return unheeded < MEM_HOME_MANY && count >= MEM_HOME_MANY - unheeded;
}

struct mem_homes mem_home_sent(void) {
    ASSERT(mem_home_sends);
    struct mem_homes fresh = {{0}};
    for (unsigned word = 0; word < MEM_HOMES_MAX / 64; word++) {
        for (uint64_t bits = outboxes_used.bits[word]; bits; bits &= bits - 1) {
            unsigned number = word * 64 + (unsigned)__builtin_ctzll(bits);
            if (hand_over(&homes[number], &outboxes[number])) fresh.bits[word] |= bits & -bits;
        }
        outboxes_used.bits[word] = 0;
    }
    mem_home_sends = false;
    atomic_store_explicit(&homes[own].sending, false, memory_order_release);
    return fresh;
}

/* ---- at home ---- */

void mem_home_open(unsigned number) {
    ASSERT(number < MEM_HOMES_MAX && own == NO_HOME);
    own = number;
    void *none = NULL;
    bool is_free = atomic_compare_exchange_strong(&homes[number].heap, &none, own_heap());
    ASSERT(is_free);
    unsigned count = atomic_load(&homes_count);
    while (count <= number && !atomic_compare_exchange_weak(&homes_count, &count, number + 1)) {
    }
}

bool mem_home_is_due(void) {
    if (own == NO_HOME) return false;
    struct home *home = &homes[own];
    return home->taken || atomic_load(&home->arrived);
}

bool mem_home_free_some(unsigned count) {
    ASSERT(own != NO_HOME && !mem_home_sends);
    struct home *home = &homes[own];
    for (; count > 0; count--) {
        if (!home->taken) {
            home->taken = atomic_exchange(&home->arrived, NULL);
            atomic_store(&home->unheeded, 0);
        }
        struct stray *stray = home->taken;
        if (!stray) return false;
        home->taken = stray->next;
        mem_home_release(stray);
    }
    return mem_home_is_due();
}

void mem_home_close(void) {
    ASSERT(own != NO_HOME && !mem_home_sends);
    atomic_store(&homes[own].heap, NULL);
    unsigned count = atomic_load(&homes_count);
    for (unsigned i = 0; i < count; i++)
        while (atomic_load(&homes[i].sending)) sched_yield();
    while (mem_home_free_some(UINT32_MAX)) {
    }
    own = NO_HOME;
}
