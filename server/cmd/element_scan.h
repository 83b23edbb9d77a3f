/* cmd/element_scan.h: what HSCAN, SSCAN and ZSCAN have in common: their arguments, how far one call goes, and
 * the reply.
 *
 *     struct element_scan scan;
 *     if (!element_scan_begin(c, &scan)) return;                  the cursor is no good: replied
 *     ... look the object up ...
 *     if (!object) scan.cursor = 0;
 *     else if (!element_scan_options(&scan)) return;              replied
 *     else do next = <a step of the walk from scan.cursor, with element_scan_wants and _add for each>;
 *          while (element_scan_goes_on(&scan, next));
 *     element_scan_end(&scan);
 *
 * In a handler, under the hold of the object's slice. What is found is copied once, because the reply begins
 * with the cursor, which is known last.
 */
#ifndef GYRE_SERVER_CMD_ELEMENT_SCAN_H
#define GYRE_SERVER_CMD_ELEMENT_SCAN_H

#include "server/call.h"
#include "shard/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct element_scan {
    struct call *call;
    uint64_t cursor;           /* where to go on */
    const struct arg *pattern; /* NULL: all */
    uint64_t count;            /* elements that the client asks to look at */
    uint64_t seen;             /* looked at */
    uint64_t steps_left;       /* places of the walk that may still be looked at */
    uint64_t found;            /* texts in `texts` */
    struct buf texts;          /* each a size_t length and its bytes */
};

/* Takes the cursor, argument 2. */
bool element_scan_begin(struct call *c, struct element_scan *scan);
/* Takes COUNT and MATCH, which Redis looks at only where there is something to scan. */
bool element_scan_options(struct element_scan *scan);
/* After a step that returned `next`: whether another is to be made. */
bool element_scan_goes_on(struct element_scan *scan, uint64_t next);
/* Counts an element, which is named so; false: it is not wanted. */
bool element_scan_wants(struct element_scan *scan, const char *text, size_t len);
/* Adds a text to the reply: the element's name, then whatever belongs to it. */
void element_scan_add(struct element_scan *scan, const char *text, size_t len);
/* Replies, and frees what was collected. */
void element_scan_end(struct element_scan *scan);

#endif
