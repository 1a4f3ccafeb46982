// Kills what outlives an attempt: repeated passes over the tagged processes, shared by all attempts that wait for one.
#ifndef SWEEP_H
#define SWEEP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { NEVER_MS = -1 };

// The search for what is left of one attempt, embedded in it.
struct search {
  const char *tag;
  pid_t group;
  // Called once, when two passes in a row have found nothing.
  void (*over)(struct search *search);
  // Processes that had left the group and were killed.
  unsigned strays;
  // Set by the sweeper.
  int64_t due_at;
  unsigned passes;
  unsigned empty_passes;
  bool found;
  pid_t *seen;
  struct search *next;
};

// Begins at once when urgent, otherwise within a second, in one pass for all attempts that ended meanwhile.
void sweep(struct search *search, bool urgent, int64_t now);
// Makes the passes that are due. `is_wanted` spares processes that are known to be no stray.
void sweep_pass(bool (*is_wanted)(pid_t pid), int64_t now);
// When the next pass is due, or NEVER_MS.
int64_t sweep_due_at(void);

#endif
