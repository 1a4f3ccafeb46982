// All attempts, in the order of their start.
#include "attempts.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempt.h"
#include "clock.h"
#include "tagged.h"

enum {
  // Something that cannot be killed now must not hold the launcher for ever.
  KILL_PASSES = 2000,
  KILL_GAP_MS = 1,
};

// Those whose end is not told yet, and those that are still looked after.
static struct attempt *current;
static struct attempt **last = &current;
static struct attempt *told;
// How many of the current ones are named to what is watched: those that start meanwhile are not.
static size_t watched;

static struct attempt *find(uint32_t number) {
  struct attempt *attempt = current;
  while (attempt != NULL && attempt->number != number) attempt = attempt->next;
  return attempt;
}

static void start(uint32_t number, struct fields *payload) {
  struct attempt *attempt = attempt_start(number, payload);
  if (attempt == NULL) return;
  *last = attempt;
  last = &attempt->next;
}

bool attempts_receive(int type, uint32_t number, struct fields *payload) {
  if (type == FRAME_SPAWN) {
    start(number, payload);
    return !payload->broken;
  }
  int64_t bytes = type == FRAME_CREDIT ? field_number(payload) : 0;
  if (type < FRAME_SPAWN || type > FRAME_CREDIT || !fields_done(payload)) return false;
  // An attempt that is over has nothing to be told.
  struct attempt *attempt = find(number);
  if (attempt == NULL) return true;
  if (type == FRAME_STOP) attempt_stop(attempt);
  if (type == FRAME_KILL) attempt_kill(attempt);
  if (type == FRAME_CREDIT) attempt_credit(attempt, bytes);
  return true;
}

static int64_t earlier(int64_t a, int64_t b) {
  if (a == NEVER_MS || b == NEVER_MS) return a == NEVER_MS ? b : a;
  return a < b ? a : b;
}

int attempts_watch(void) {
  int64_t wake_at = sweep_due_at();
  watched = 0;
  for (struct attempt *attempt = current; attempt != NULL; attempt = attempt->next) {
    attempt_watch(attempt);
    watched += 1;
    wake_at = earlier(wake_at, earlier(attempt->kill_at, attempt->wake_at));
  }
  if (wake_at == NEVER_MS) return -1;
  int64_t wait_ms = wake_at - now_ms();
  if (wait_ms < 0) return 0;
  return wait_ms > INT_MAX ? INT_MAX : (int)wait_ms;
}

void attempts_relay(void) {
  struct attempt *attempt = current;
  for (size_t i = 0; i < watched; i += 1, attempt = attempt->next) attempt_relay(attempt);
}

static struct attempt *find_running(pid_t pid) {
  struct attempt *attempt = current;
  while (attempt != NULL && (attempt->phase != RUNNING || attempt->pid != pid))
    attempt = attempt->next;
  return attempt;
}

void attempts_reap(void) {
  int status;
  struct rusage usage;
  for (pid_t pid; (pid = wait4(-1, &status, WNOHANG, &usage)) > 0;) {
    struct attempt *attempt = find_running(pid);
    if (attempt != NULL) attempt_ended(attempt, status, &usage);
  }
}

static bool may_be_stray(pid_t pid) { return find_running(pid) == NULL; }

static void forget_over(void) {
  for (struct attempt **at = &told; *at != NULL;) {
    struct attempt *attempt = *at;
    if (attempt->phase != OVER) {
      at = &attempt->next;
      continue;
    }
    *at = attempt->next;
    attempt_free(attempt);
  }
}

void attempts_advance(void) {
  int64_t now = now_ms();
  sweep_pass(may_be_stray, now);
  last = &current;
  for (struct attempt *attempt; (attempt = *last) != NULL;) {
    attempt_advance(attempt, now);
    if (attempt->phase < TOLD) {
      last = &attempt->next;
      continue;
    }
    *last = attempt->next;
    attempt->next = told;
    told = attempt;
  }
  forget_over();
}

static bool is_known(const char *tag) {
  for (struct attempt *attempt = current; attempt != NULL; attempt = attempt->next)
    if (strcmp(attempt->tag, tag) == 0) return true;
  for (struct attempt *attempt = told; attempt != NULL; attempt = attempt->next)
    if (strcmp(attempt->tag, tag) == 0) return true;
  return false;
}

static bool is_any(pid_t pid) { return pid != getpid(); }

// The launcher has no other children than programs and what they left behind.
static void kill_child(const struct tagged *process) {
  if (process->is_child || (process->tag != NULL && is_known(process->tag)))
    tagged_signal(process, SIGKILL);
}

void attempts_kill_all(void) {
  for (struct attempt *attempt = current; attempt != NULL; attempt = attempt->next)
    attempt_kill(attempt);
  for (int pass = 0; pass < KILL_PASSES; pass += 1) {
    tagged_find(TAGGED_CHILDREN, is_any, kill_child);
    pid_t pid;
    do pid = waitpid(-1, NULL, WNOHANG);
    while (pid > 0);
    if (pid < 0 && errno == ECHILD) return;
    poll(NULL, 0, KILL_GAP_MS);
  }
}
