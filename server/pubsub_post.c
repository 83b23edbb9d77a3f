/* pubsub_post.c: publishing, the threads' inboxes, and delivering: see pubsub.h and pubsub_parts.h.
 *
 * A message is one block: its encoding (or, of a large message, all but the message itself, which lies in a
 * blob), behind it one node for each audience that is to get it. A node is a link in the inbox of the
 * audience's thread. The last thread that has delivered frees the block.
 *
 * Publishing happens on any thread; the lock of the channel's stripe is held from counting the receivers to
 * the last push. Delivering happens on the receiving thread: at the beginning of its turns, woken by a notice
 * in its mailbox of which at most one is on its way; and whenever it takes its inbox by itself (pubsub.h). What is
 * early (is_early) stays in a list of the thread's own, in order, and all that is behind it.
 */
#include "server/client.h"
#include "server/output.h"
#include "server/pubsub_parts.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"
#include "shard/store/blob.h"
#include "shard/store/oplog.h"

#include <string.h>

enum {
    BULK_HEADER_MAX = 24,
    AUDIENCES_AT_FIRST = 16,
    /* Messages from here on are referred to by replies instead of copied: below, the pieces of a reply around
     * the reference would take more memory than the copy. */
    REFER_MIN = REPLY_CHUNK_BYTES,
};

struct post;

struct post_node {
    struct post_node *next;
    struct post *post;
    struct audience *audience;
    uint64_t ticket; /* of the last change that it may tell of; 0: not known yet */
};

/* "<type><n>\r\n$7\r\nmessage\r\n" `prefix`, then channel and message as bulk strings. */
struct post {
    _Atomic uint32_t refs;
    uint32_t prefix;   /* bytes: what a pattern's subscribers are not sent */
    size_t len;        /* bytes encoded here */
    size_t weight;     /* what each thread it waits for is charged */
    struct blob *blob; /* the message, which then is not encoded here; or NULL */
    char *bytes;
    uint64_t turn; /* of the thread that publishes */
    unsigned from;
    struct post_node nodes[];
};

/* Per receiving thread. */
static struct inbox {
    /* The thread's own: taken, and not delivered yet, oldest first. */
    struct post_node *first, *last;
    _Alignas(CACHE_LINE) _Atomic(struct post_node *) newest;
    _Atomic bool noticed;   /* the notice is in the mailbox */
    _Atomic bool missed;    /* something had no room: its subscribers are to be closed */
    _Atomic size_t waiting; /* weights */
    struct message notice;
} inboxes[THREADS_MAX];

/* Where a thread that publishes notes whom to send to. */
static struct recipients {
    _Alignas(CACHE_LINE) struct audience **all;
    uint32_t count, room;
} recipients_of[THREADS_MAX];

/* ---- receiving thread ---- */

static bool takes_messages(struct client *c) {
    return !client_has(c, CLIENT_CLOSING | CLIENT_CLOSE_ASAP | CLIENT_CLOSE_AFTER_REPLY | CLIENT_KILLED);
}

static void append_pattern_prefix(struct reply *r, const struct topic *pattern) {
    reply_push(r, 4);
    reply_bulk(r, "pmessage", 8);
    reply_bulk(r, pattern->name, pattern->len);
}

static void append_message(struct worker *w, struct client *c, const struct post *post,
                           const struct topic *topic) {
    struct reply *r = &c->reply;
    bool mute = r->mute;
    r->mute = false; /* CLIENT REPLY does not concern what is pushed */
    if (topic->kind == PUBSUB_PATTERN) {
        append_pattern_prefix(r, topic);
        reply_raw(r, post->bytes + post->prefix, post->len - post->prefix);
    } else if (r->protocol == 2) {
        reply_raw(r, post->bytes, post->len);
    } else {
        reply_raw(r, ">", 1);
        reply_raw(r, post->bytes + 1, post->len - 1);
    }
    if (post->blob) reply_bulk_blob(r, post->blob, 0, post->blob->len);
    r->mute = mute; /* between two commands it is about the last one's reply */
    client_has_output(w, c);
    /* One inbox could bring much more than a client may have waiting: what is beyond is not even queued. */
    if (UNLIKELY(output_is_over_hard_limit(c))) client_set(c, CLIENT_CLOSE_ASAP);
}

static void release(struct post *post) {
    if (atomic_fetch_sub_explicit(&post->refs, 1, memory_order_acq_rel) != 1) return;
    if (post->blob) blob_unref(post->blob);
    mem_free(post);
}

static void close_subscribers(struct worker *w) {
    for (uint32_t i = 0; i < w->clients_capacity; i++) {
        struct client *c = w->clients[i];
        if (!c || !client_has(c, CLIENT_PUBSUB) || !takes_messages(c)) continue;
        log_warning("Client id=%llu addr=%s scheduled to be closed ASAP: more was published to it than its "
                    "thread could take in",
                    (unsigned long long)c->id, c->peer);
        client_set(c, CLIENT_CLOSE_ASAP);
        client_has_output(w, c);
    }
}

struct post_node *pubsub_inbox_take(struct thread *me) {
    struct inbox *box = &inboxes[me->index];
    if (!atomic_load_explicit(&box->newest, memory_order_relaxed)) return NULL;
    return atomic_exchange(&box->newest, NULL);
}

/* Puts what was taken behind what still waits to be delivered. */
static void keep(struct inbox *box, struct post_node *newest) {
    struct post_node *oldest = NULL, *last = newest;
    while (newest) {
        struct post_node *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    if (!oldest) return;
    *(box->first ? &box->last->next : &box->first) = oldest;
    box->last = last;
}

/* With appendfsync always nobody hears of a change before it is durable, by what is published either. What was
 * published tells of changes that have their tickets when the turn is over in which it was; `turn_ends`: ours is, as
 * far as that matters. All this is waited for here and not in a client's output: while there is always another
 * message on its way, all of that would never be durable. */
static bool is_early(const struct thread *me, struct post_node *node, bool turn_ends) {
    const struct post *post = node->post;
    if (LIKELY(oplog_may_tell(UINT64_MAX))) return false;
    if (!node->ticket) {
        bool ours = post->from == me->index;
        if (ours ? !turn_ends : thread_is_in_turn(thread_by_index(post->from), post->turn)) return true;
        node->ticket = oplog_next_ticket() - 1;
    }
    return !oplog_may_tell(node->ticket);
}

static void deliver_one(struct thread *me, struct post_node *node, bool early) {
    struct worker *w = worker_of(me);
    struct audience *a = node->audience;
    const struct post *post = node->post;
    ASSERT(a->thread == me->index);
    for (struct subscription *sub = a->first; sub; sub = sub->next) {
        if (!takes_messages(sub->client)) continue;
        append_message(w, sub->client, post, a->topic);
        if (UNLIKELY(early)) output_note_push(w, sub->client, post->from, post->turn);
    }
}

enum delivery { DELIVER_ALL, DELIVER_WHAT_IS_DUE, DELIVER_AT_END_OF_TURN };

/* Oldest first, for the order is the channel's; as far as it is not early, unless all of it has to be. */
static void deliver(struct thread *me, enum delivery how) {
    struct inbox *box = &inboxes[me->index];
    size_t weight = 0;
    if (UNLIKELY(atomic_load(&box->missed) && atomic_exchange(&box->missed, false)))
        close_subscribers(worker_of(me));
    while (box->first) {
        struct post_node *node = box->first;
        bool early = is_early(me, node, how == DELIVER_AT_END_OF_TURN);
        if (early && how != DELIVER_ALL) break;
        box->first = node->next;
        deliver_one(me, node, early);
        weight += node->post->weight;
        release(node->post);
    }
    if (weight) atomic_fetch_sub(&box->waiting, weight);
}

void pubsub_inbox_deliver(struct thread *me, struct post_node *taken) {
    keep(&inboxes[me->index], taken);
    deliver(me, DELIVER_ALL);
}

void pubsub_deliver_ready(struct thread *me) {
    if (LIKELY(!inboxes[me->index].first)) return;
    deliver(me, DELIVER_AT_END_OF_TURN);
    if (!inboxes[me->index].first) return;
    oplog_wait_durable(me); /* asks to be woken, then looks once more */
    deliver(me, DELIVER_AT_END_OF_TURN);
}

bool pubsub_is_unsure(const struct thread *me) {
    const struct post_node *node = inboxes[me->index].first;
    return node && !node->ticket;
}

static void receive_notice(struct thread *to, struct message *notice) {
    struct inbox *box = &inboxes[to->index];
    ASSERT(notice == &box->notice);
    atomic_store(&box->noticed, false); /* before the take: whoever pushes later gives notice again */
    keep(box, pubsub_inbox_take(to));
    deliver(to, DELIVER_WHAT_IS_DUE);
}

/* ---- publishing thread ---- */

static char *append_line_end(char *to) {
    *to++ = '\r';
    *to++ = '\n';
    return to;
}

static char *append_bulk(char *to, const char *bytes, size_t n) {
    *to++ = '$';
    to = append_line_end(to + text_from_u64(to, n));
    if (n) memcpy(to, bytes, n);
    return append_line_end(to + n);
}

/* A message with room for `count` nodes. Takes `blob` over, if it is not NULL. */
static struct post *new_post(const struct publication *p, struct blob *blob, uint32_t count) {
    static const char message[] = "*3\r\n$7\r\nmessage\r\n", smessage[] = "*3\r\n$8\r\nsmessage\r\n";
    bool shard = p->kind == PUBSUB_SHARD;
    size_t prefix = shard ? sizeof smessage - 1 : sizeof message - 1;
    size_t room = prefix + p->channel_len + 2 * BULK_HEADER_MAX + (blob ? 0 : p->message_len);
    struct post *post = mem_alloc(sizeof *post + count * sizeof post->nodes[0] + room);
    *post = (struct post){.prefix = (uint32_t)prefix, .blob = blob};
    post->bytes = (char *)&post->nodes[count];
    memcpy(post->bytes, shard ? smessage : message, prefix);
    char *end = append_bulk(post->bytes + prefix, p->channel, p->channel_len);
    if (!blob) end = append_bulk(end, p->message, p->message_len);
    post->len = (size_t)(end - post->bytes);
    ASSERT(post->len <= room);
    post->weight = sizeof *post + sizeof post->nodes[0] + post->len + (blob ? blob->len : 0);
    return post;
}

static void note_audiences(struct recipients *to, const struct topic *t) {
    for (struct audience *a = t->audiences; a; a = a->next) {
        if (to->count == to->room) {
            to->room = to->room ? to->room * 2 : AUDIENCES_AT_FIRST;
            to->all = mem_realloc(to->all, to->room * sizeof(struct audience *));
        }
        to->all[to->count++] = a;
    }
}

/* Notes everybody who is to get it. Under the stripe's lock. */
static void find_recipients(struct recipients *to, const struct stripe *s, uint64_t hash,
                            const struct publication *p) {
    const struct topic *t = pubsub_find_topic(s, hash, p->kind, p->channel, p->channel_len);
    to->count = 0;
    if (t) note_audiences(to, t);
    if (p->kind != PUBSUB_CHANNEL || !pubsub_patterns.count) return;
    uint64_t prefix = pubsub_prefix(p->channel, p->channel_len);
    for (uint32_t i = 0; i < pubsub_patterns.count; i++) {
        const struct pattern *pattern = &pubsub_patterns.all[i];
        if ((prefix & pattern->mask) != pattern->prefix) continue;
        t = pattern->topic;
        if (text_glob(t->name, t->len, p->channel, p->channel_len, false)) note_audiences(to, t);
    }
}

/* Puts a node into its thread's inbox. False: there is no room. Under the stripe's lock. */
static bool push(struct post_node *node) {
    struct inbox *box = &inboxes[node->audience->thread];
    size_t weight = node->post->weight, before = atomic_fetch_add(&box->waiting, weight);
    /* One message always passes, however large. When one does not, the thread is given notice all the same. */
    if (UNLIKELY(before != 0 && before + weight > PUBSUB_WAITING_BYTES_MAX)) {
        atomic_fetch_sub(&box->waiting, weight);
        atomic_store(&box->missed, true);
        return false;
    }
    struct post_node *newest = atomic_load_explicit(&box->newest, memory_order_relaxed);
    do node->next = newest;
    while (!atomic_compare_exchange_weak(&box->newest, &newest, node));
    return true;
}

static void give_notice(struct thread *from, unsigned index) {
    struct inbox *box = &inboxes[index];
    if (atomic_load(&box->noticed) || atomic_exchange(&box->noticed, true)) return;
    box->notice.deliver = receive_notice;
    thread_post(from, &worker_by_index(index)->thread, &box->notice);
}

struct sent {
    uint64_t receivers;
    bool to_self; /* some of them on the publishing thread */
};

/* Sends the message to those noted. Under the stripe's lock. */
static struct sent send_post(struct thread *from, struct post *post, const struct recipients *to) {
    struct sent sent = {0};
    uint32_t refused = 0;
    ASSERT(to->count > 0);
    post->from = from->index;
    post->turn = atomic_load_explicit(&from->turns, memory_order_relaxed);
    atomic_init(&post->refs, to->count + 1); /* one is ours */
    for (uint32_t i = 0; i < to->count; i++) {
        unsigned index = to->all[i]->thread;
        post->nodes[i] = (struct post_node){.post = post, .audience = to->all[i]};
        sent.receivers += to->all[i]->count;
        refused += !push(&post->nodes[i]);
        if (index == from->index)
            sent.to_self = true;
        else
            give_notice(from, index);
    }
    atomic_fetch_sub_explicit(&post->refs, refused, memory_order_relaxed);
    return sent;
}

/* What is too large to be copied for everybody, or under the lock. */
static struct blob *message_blob(const struct publication *p) {
    if (p->message_len < REFER_MIN) return NULL;
    return p->blob ? blob_ref(p->blob) : blob_new_from(p->message, p->message_len);
}

uint64_t pubsub_publish(struct thread *from, const struct publication *p) {
    ASSERT(p->kind != PUBSUB_PATTERN && (!p->blob || p->blob->len == p->message_len));
    if (!pubsub_is_used()) return 0;
    uint64_t hash = pubsub_hash(p->kind, p->channel, p->channel_len);
    struct stripe *s = pubsub_stripe(hash);
    struct recipients *to = &recipients_of[from->index];
    struct blob *blob = message_blob(p);
    struct post *post = NULL;
    struct sent sent = {0};
    spin_lock(&s->lock);
    find_recipients(to, s, hash, p);
    if (to->count) {
        post = new_post(p, blob, to->count);
        sent = send_post(from, post, to);
    }
    spin_unlock(&s->lock);
    if (post)
        release(post);
    else if (blob)
        blob_unref(blob);
    if (sent.to_self) {
        keep(&inboxes[from->index], pubsub_inbox_take(from));
        deliver(from, DELIVER_WHAT_IS_DUE);
    }
    return sent.receivers;
}
