/* pause.h: the hint to the processor that this is a spinning loop. */
#ifndef GYRE_RT_PAUSE_H
#define GYRE_RT_PAUSE_H

static inline void cpu_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("isb");
#endif
}

#endif
