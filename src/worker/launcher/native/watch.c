// A growing list for poll(2).
#include "watch.h"

#include <poll.h>
#include <stdlib.h>

static struct pollfd *list;
static size_t used;
static size_t capacity;

void watch_clear(void) { used = 0; }

size_t watch(int fd, short events) {
  if (used == capacity) {
    capacity = capacity == 0 ? 64 : capacity * 2;
    list = realloc(list, capacity * sizeof *list);
    if (list == NULL) abort();
  }
  list[used] = (struct pollfd){.fd = fd, .events = events};
  return used++;
}

void watch_wait(int timeout_ms) {
  if (poll(list, (nfds_t)used, timeout_ms) >= 0) return;
  // Interrupted: nothing is known to be ready.
  for (size_t i = 0; i < used; i += 1) list[i].revents = 0;
}

bool watch_ready(size_t place) { return list[place].revents != 0; }
