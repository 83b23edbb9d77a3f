/* test_mailbox.c: messages of one sender come in order, none is lost or seen twice with many senders at
 * once. */
#include "shard/rt/mailbox.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

enum { SENDERS = 4, MESSAGES = 20000 };

struct letter {
    struct message message; /* first */
    unsigned sender, number;
};

static struct mailbox box;

Test(mailbox, empty_at_first) {
    cr_assert(mailbox_is_empty(&box));
    cr_assert_null(mailbox_take(&box));
}

Test(mailbox, gives_all_in_the_order_of_posting) {
    struct letter letters[5] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    for (int i = 0; i < 3; i++) mailbox_push(&box, &letters[i].message);
    cr_assert_not(mailbox_is_empty(&box));
    struct message *m = mailbox_take(&box);
    cr_assert(mailbox_is_empty(&box));
    for (unsigned i = 0; i < 3; i++, m = m->next) cr_assert_eq(((struct letter *)(void *)m)->number, i);
    cr_assert_null(m, "that was all");
    mailbox_push(&box, &letters[4].message);
    mailbox_push(&box, &letters[3].message);
    m = mailbox_take(&box);
    cr_assert_eq(((struct letter *)(void *)m)->number, 4);
    cr_assert_eq(((struct letter *)(void *)m->next)->number, 3);
    cr_assert_null(m->next->next);
    cr_assert_null(mailbox_take(&box));
}

static struct letter letters[SENDERS][MESSAGES];

static void *send_all(void *arg) {
    unsigned sender = (unsigned)(uintptr_t)arg;
    for (unsigned i = 0; i < MESSAGES; i++) {
        letters[sender][i].sender = sender;
        letters[sender][i].number = i;
        mailbox_push(&box, &letters[sender][i].message);
    }
    return NULL;
}

Test(mailbox, many_senders_at_once, .timeout = 60) {
    pthread_t threads[SENDERS];
    unsigned next[SENDERS] = {0}, received = 0;
    for (uintptr_t i = 0; i < SENDERS; i++) pthread_create(&threads[i], NULL, send_all, (void *)i);
    while (received < SENDERS * MESSAGES) {
        for (struct message *m = mailbox_take(&box), *after; m; m = after, received++) {
            const struct letter *l = (struct letter *)(void *)m;
            after = m->next;
            cr_assert_eq(l->number, next[l->sender], "sender %u", l->sender);
            next[l->sender]++;
        }
    }
    for (unsigned i = 0; i < SENDERS; i++) pthread_join(threads[i], NULL);
    cr_assert(mailbox_is_empty(&box));
}
