/* events.c: what events are wanted, and by whom: see events.h. */
#include "shard/store/events.h"

_Atomic uint32_t store_events_wanted;
store_event_listener *store_events_listener;
