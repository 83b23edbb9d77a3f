/* mailbox.c: see mailbox.h. Posts and takes are sequentially consistent, because the doorbell protocol
 * (thread.h) orders them with the sleeping flag. */
#include "shard/rt/mailbox.h"

void mailbox_push(struct mailbox *box, struct message *message) {
    struct message *head = atomic_load_explicit(&box->head, memory_order_relaxed);
    do message->next = head;
    while (!atomic_compare_exchange_weak(&box->head, &head, message));
}

struct message *mailbox_take(struct mailbox *box) {
    /* Most turns find it empty: a plain load is cheaper than an exchange. */
    if (!atomic_load_explicit(&box->head, memory_order_relaxed)) return NULL;
    struct message *newest = atomic_exchange(&box->head, NULL), *in_order = NULL;
    while (newest) {
        struct message *next = newest->next;
        newest->next = in_order;
        in_order = newest;
        newest = next;
    }
    return in_order;
}

bool mailbox_is_empty(struct mailbox *box) {
    return atomic_load(&box->head) == NULL;
}
