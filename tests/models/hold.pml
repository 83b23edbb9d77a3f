/* hold.pml: a model of parking, waking and ringing the doorbell (shard/rt/hold.h, shard/rt/thread.h), for spin.
 *
 *     spin -a hold.pml && cc -O2 -o pan pan.c && ./pan
 *
 * Every thread takes the one hold for each of its connections, as a shard does: try; if refused, set the parked bit and try once
 * more; if refused again, go on with the other connections, then sleep until the wake flag is set. The sleeper announces sleep, looks at its wake flag again, then waits for a
 * doorbell; the waker sets the flag, then looks whether the other sleeps. Each step below is one sequentially consistent
 * operation of the code, in its order. spin searches all interleavings for
 *   - two holders at once (the assertion), and
 *   - a lost wake-up: a state from which nothing goes on although not everyone is done (an invalid end state).
 * Removing any one of the precautions (marked *) makes the search find such a state.
 */
#define THREADS 3

byte word = 0;            /* holder + 1 */
bool parked[THREADS];     /* the hold's mask */
bool wake[THREADS], sleeping[THREADS];
byte bells[THREADS];      /* doorbells rung and not yet heard; a bell also ends the sleep that comes after it */
byte inside = 0;

inline try_take(me, got) {
    atomic { if :: word == 0 -> word = me + 1; got = true :: else -> got = false fi }
}

inline release(me) {
    byte other = 0;
    word = 0;
    do
    :: other < THREADS ->
        bool was = false;
        atomic { was = parked[other]; parked[other] = false }
        if
        :: was ->
            wake[other] = true;
            if /* * the waker looks after it has published */
            :: sleeping[other] -> bells[other] = 1
            :: else
            fi
        :: else
        fi;
        other++
    :: else -> break
    od
}

/* thread_turn with nothing else to do, until the wake flag is set. */
inline sleep_until_woken(me) {
    do
    :: atomic { wake[me] -> wake[me] = false; break }
    :: else ->
        sleeping[me] = true;
        if
        :: wake[me] -> skip /* * the sleeper looks again after it has announced */
        :: else -> atomic { bells[me] > 0 -> bells[me] = 0 }
        fi;
        sleeping[me] = false
    od
}

/* A thread with several connections, each of which wants the hold once: those that are refused are parked, and tried again when the
 * thread is woken; it sleeps only when all that are left are parked. */
proctype taker(byte me; byte connections) {
    byte runnable = connections, waiting = 0;
    bool got = false, stood = false;
    do
    :: atomic { runnable == 0 && waiting == 0 -> break }
    :: runnable > 0 ->
        runnable--;
        got = false;
        try_take(me, got);
        if
        :: got
        :: else ->
            atomic { stood = parked[me]; parked[me] = true }
            try_take(me, got); /* * the parker tries once more after it has set its bit */
            if
            :: got && !stood -> parked[me] = false /* * a bit that stood before is another connection's */
            :: else
            fi
        fi;
        if
        :: got ->
            inside++;
            assert(inside == 1);
            inside--;
            release(me)
        :: else -> waiting++
        fi
    :: runnable == 0 && waiting > 0 ->
        sleep_until_woken(me);
        runnable = waiting;
        waiting = 0
    od
}

init {
    atomic { run taker(0, 2); run taker(1, 2); run taker(2, 1) }
}
