// One attempt: a running program, its output, its stop, and what is left to clear away when it has ended.
#ifndef ATTEMPT_H
#define ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "sweep.h"
#include "wire.h"

enum phase {
  RUNNING,
  // The program has ended. While it is being stopped, the others of its group keep the rest of the grace time.
  LEAVING,
  // Its output may still be held open by a descendant.
  DRAINING,
  // Whatever it left behind is being killed before its end is told.
  SWEEPING,
  // Nothing of it should live any more: the end of its output is a matter of moments or will not come.
  CUTTING,
  // Its end is told; what let go of everything it had is still looked for.
  TOLD,
  OVER,
};

struct attempt {
  uint32_t number;
  // Also the number of its group.
  pid_t pid;
  // Its number may be another's by now.
  bool is_group_gone;
  char *tag;
  int64_t grace_ms;
  enum phase phase;
  // The launcher's ends of stdout and stderr, -1 once closed, their places among what is watched, and whether
  // the pipes were made longer.
  int outputs[2];
  size_t places[2];
  bool is_roomy[2];
  // Output that the worker has not credited yet.
  int64_t unconsumed;
  bool stopping;
  bool killed;
  // As it was when the program ended.
  bool stopped;
  // Deadlines, or NEVER_MS.
  int64_t kill_at;
  int64_t wake_at;
  int64_t ended_at;
  int status;
  struct rusage usage;
  struct search search;
  struct attempt *next;
};

// Starts what a spawn frame asks for. NULL when it cannot be started, which the worker is told, or when the frame is `broken`.
struct attempt *attempt_start(uint32_t number, struct fields *request);
void attempt_free(struct attempt *attempt);

// TERM to everything of the attempt, KILL to what is left after the grace time.
void attempt_stop(struct attempt *attempt);
void attempt_kill(struct attempt *attempt);
void attempt_credit(struct attempt *attempt, int64_t bytes);

// Names what is to be waited for, and passes on what came.
void attempt_watch(struct attempt *attempt);
void attempt_relay(struct attempt *attempt);
// The program has ended and was waited for.
void attempt_ended(struct attempt *attempt, int status, const struct rusage *usage);
// Does what time and events allow by now.
void attempt_advance(struct attempt *attempt, int64_t now);

#endif
