// What the launcher waits for: file descriptors, gathered anew for each turn of its loop.
#ifndef WATCH_H
#define WATCH_H

#include <stdbool.h>
#include <stddef.h>

enum { WATCH_NOTHING = -1 };

void watch_clear(void);
// Returns the place to ask about after the wait. An `fd` of WATCH_NOTHING is never ready.
size_t watch(int fd, short events);
// Waits until something is ready or `timeout_ms` have passed; -1 waits for ever.
void watch_wait(int timeout_ms);
bool watch_ready(size_t place);

#endif
