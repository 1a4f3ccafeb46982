// Time in milliseconds: one that only moves forward, for deadlines, and that of the calendar, for reports.
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_ms(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline int64_t now_ms(void) { return clock_ms(CLOCK_MONOTONIC); }
static inline int64_t calendar_ms(void) { return clock_ms(CLOCK_REALTIME); }

#endif
