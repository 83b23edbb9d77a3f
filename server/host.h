/* host.h: facts about the machine and this process that only the operating system knows, for INFO.
 *
 * These make system calls (a read of a small file in /proc at most), so they are called with no slice held.
 * Any thread.
 */
#ifndef GYRE_SERVER_HOST_H
#define GYRE_SERVER_HOST_H

#include <stdint.h>

/* Facts that do not change. host_init is called once before any other; the texts live for ever. */
void host_init(void);
const char *host_system(void);     /* "Linux 6.1.0 x86_64" */
const char *host_executable(void); /* absolute path, "" if it is not known */
uint64_t host_memory_bytes(void);  /* of the machine */

/* Memory that could still be used, as far as the kernel says: what it calls available, and what the control group (version
 * 2) that a container gives us leaves. */
uint64_t host_memory_left(void);

/* Memory of this process that is resident, in bytes; 0 if it cannot be read. */
uint64_t host_resident_bytes(void);

struct host_cpu {
    double system_s, user_s;
    double children_system_s, children_user_s;
    double main_thread_system_s, main_thread_user_s;
};
/* Processor time used so far. */
struct host_cpu host_cpu(void);

#endif
