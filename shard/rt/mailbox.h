/* mailbox.h: messages from any thread to one thread, in order per sender.
 *
 * A lock-free stack of intrusive messages: senders push with one compare-and-swap, the owner takes all of it
 * with one exchange and reverses it. A message belongs to the mailbox from post until its deliver function
 * runs on the receiving thread; deliver then owns it. What bounds a mailbox is what bounds its messages: a
 * message is part of a thing that exists anyway (a connection, a request), never allocated without bound on
 * behalf of a remote party.
 */
#ifndef GYRE_RT_MAILBOX_H
#define GYRE_RT_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct thread;

struct message {
    struct message *next;
    void (*deliver)(struct thread *to, struct message *message);
};

struct mailbox {
    _Atomic(struct message *) head;
};

/* Any thread. Publishes everything written before it to the receiver. */
void mailbox_push(struct mailbox *box, struct message *message);
/* Owner only: the messages in the order of posting, or NULL. */
struct message *mailbox_take(struct mailbox *box);
/* Owner only; sequentially consistent, so that it can be asked between announcing sleep and sleeping. */
bool mailbox_is_empty(struct mailbox *box);

#endif
