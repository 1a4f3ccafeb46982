// The processes that carry an attempt's tag in their environment, wherever they have gone.
#ifndef TAGGED_H
#define TAGGED_H

#include <stdbool.h>
#include <sys/types.h>

// A process that is being looked at; it keeps its number as long as `directory` is open.
struct tagged {
  pid_t pid;
  int directory;
  // Found among the children of the launcher.
  bool is_child;
  // NULL when it has none.
  const char *tag;
};

enum tagged_scope {
  // Children of the launcher, which is where orphans come to. All processes where the system does not list children.
  TAGGED_CHILDREN,
  TAGGED_ALL,
};

// Makes the launcher the parent of all whose parent has gone, where the system can.
void tagged_adopt_orphans(void);

// Calls `found` for each process of which `is_wanted` says so.
void tagged_find(enum tagged_scope scope, bool (*is_wanted)(pid_t pid),
                 void (*found)(const struct tagged *process));

// Signals the very process that was found, never a later one with its number.
void tagged_signal(const struct tagged *process, int signal);

#endif
