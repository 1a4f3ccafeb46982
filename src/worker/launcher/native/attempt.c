// The life of an attempt, see the phases in attempt.h.
#define _GNU_SOURCE
#include "attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "program.h"
#include "tagged.h"
#include "watch.h"

enum {
  // Output of one attempt that may be on its way, see WINDOW_BYTES in ../protocol.ts.
  WINDOW_BYTES = 1024 * 1024,
  // Output of all attempts that may wait for a worker that takes nothing.
  BACKLOG_BYTES = 1024 * 1024,
  FULL_PIPE_BYTES = 64 * 1024,
  ROOMY_PIPE_BYTES = 512 * 1024,
  // A descendant that keeps the output open after the program's end has this long before it is killed.
  DRAIN_MS = 2000,
  CUT_MS = 500,
  GROUP_POLL_MS = 50,
};

static const enum frame_type CHANNELS[] = {FRAME_STDOUT, FRAME_STDERR};

static void tell_failure(uint32_t number, const struct failure *failure) {
  frame_begin(FRAME_FAILED, number);
  frame_number(calendar_ms());
  frame_text(failure->part);
  frame_number(failure->error);
  frame_text(failure->file);
  frame_end();
}

static struct attempt *new_attempt(uint32_t number, pid_t pid, const char *tag, int64_t grace_ms) {
  struct attempt *attempt = calloc(1, sizeof *attempt);
  if (attempt == NULL || (attempt->tag = strdup(tag)) == NULL) abort();
  attempt->number = number;
  attempt->pid = pid;
  attempt->grace_ms = grace_ms;
  attempt->kill_at = attempt->wake_at = NEVER_MS;
  return attempt;
}

// A list of the next `count` fields, ended by NULL as execve(2) wants it.
static char **field_list(struct fields *fields, size_t count) {
  char **list = calloc(count + 1, sizeof *list);
  if (list == NULL) abort();
  for (size_t i = 0; i < count; i += 1) list[i] = field_text(fields);
  return list;
}

static struct attempt *start(uint32_t number, const struct program *program, const char *tag,
                             int64_t grace_ms) {
  int outputs[2];
  struct failure failure;
  pid_t pid = program_start(program, outputs, &failure);
  if (pid < 0) {
    tell_failure(number, &failure);
    return NULL;
  }
  struct attempt *attempt = new_attempt(number, pid, tag, grace_ms);
  memcpy(attempt->outputs, outputs, sizeof outputs);
  frame_begin(FRAME_STARTED, number);
  frame_number(pid);
  frame_number(calendar_ms());
  frame_end();
  return attempt;
}

struct attempt *attempt_start(uint32_t number, struct fields *request) {
  int64_t grace_ms = field_number(request);
  struct program program = {.cwd = field_text(request)};
  const char *tag = field_text(request);
  program.input = field_text(request);
  program.group = field_text(request);
  program.uid = field_optional(request);
  program.gid = field_optional(request);
  for (int i = 0; i < LIMITS; i += 1) program.limits[i] = field_optional(request);
  size_t arguments = (size_t)field_number(request), rest = fields_left(request);
  request->broken |= arguments == 0 || arguments > rest;
  if (request->broken) return NULL;
  program.argv = field_list(request, arguments);
  program.env = field_list(request, rest - arguments);
  request->broken |= !fields_done(request);
  struct attempt *attempt = request->broken ? NULL : start(number, &program, tag, grace_ms);
  free(program.argv);
  free(program.env);
  return attempt;
}

void attempt_free(struct attempt *attempt) {
  free(attempt->tag);
  free(attempt);
}

// -- signals

// 0 only asks. False when nothing of the group is left.
static bool signal_group(struct attempt *attempt, int signal) {
  if (attempt->is_group_gone) return false;
  // EPERM: members exist that have become somebody else's.
  if (kill(-attempt->pid, signal) == 0 || errno == EPERM) return true;
  attempt->is_group_gone = true;
  return false;
}

static struct attempt *stopped_now;

static bool is_elsewhere(pid_t pid) { return getpgid(pid) != stopped_now->pid; }

static void terminate(const struct tagged *process) {
  if (process->tag != NULL && strcmp(process->tag, stopped_now->tag) == 0)
    tagged_signal(process, SIGTERM);
}

void attempt_stop(struct attempt *attempt) {
  if (attempt->stopping) return;
  attempt->stopping = true;
  attempt->kill_at = now_ms() + attempt->grace_ms;
  signal_group(attempt, SIGTERM);
  stopped_now = attempt;
  tagged_find(TAGGED_ALL, is_elsewhere, terminate);
}

void attempt_kill(struct attempt *attempt) {
  attempt->stopping = true;
  attempt->killed = true;
  attempt->kill_at = NEVER_MS;
  signal_group(attempt, SIGKILL);
}

// -- output

static bool is_open(const struct attempt *attempt) {
  return attempt->outputs[0] >= 0 || attempt->outputs[1] >= 0;
}

// True while the worker has to consume before anything more is read.
static bool is_held(const struct attempt *attempt) {
  return attempt->unconsumed >= WINDOW_BYTES || wire_backlog() >= BACKLOG_BYTES;
}

void attempt_credit(struct attempt *attempt, int64_t bytes) {
  attempt->unconsumed = bytes < attempt->unconsumed ? attempt->unconsumed - bytes : 0;
}

static void close_output(struct attempt *attempt, int channel) {
  if (attempt->outputs[channel] >= 0) close(attempt->outputs[channel]);
  attempt->outputs[channel] = -1;
}

// A program that fills its pipe gets a longer one: fewer turns for the same bytes.
static void make_room(struct attempt *attempt, int channel) {
#ifdef F_SETPIPE_SZ
  if (!attempt->is_roomy[channel])
    fcntl(attempt->outputs[channel], F_SETPIPE_SZ, ROOMY_PIPE_BYTES);
#endif
  attempt->is_roomy[channel] = true;
}

// True when there may be more to read at once.
static bool relay(struct attempt *attempt, int channel) {
  if (attempt->outputs[channel] < 0 || is_held(attempt)) return false;
  ssize_t size = wire_relay(attempt->outputs[channel], CHANNELS[channel], attempt->number);
  if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) close_output(attempt, channel);
  if (size <= 0) return false;
  attempt->unconsumed += size;
  if (size >= FULL_PIPE_BYTES) make_room(attempt, channel);
  return true;
}

void attempt_watch(struct attempt *attempt) {
  bool held = is_held(attempt);
  for (int i = 0; i < 2; i += 1)
    attempt->places[i] = watch(held ? WATCH_NOTHING : attempt->outputs[i], POLLIN);
}

void attempt_relay(struct attempt *attempt) {
  for (int i = 0; i < 2; i += 1)
    if (watch_ready(attempt->places[i])) relay(attempt, i);
}

// -- the end

static void tell_end(struct attempt *attempt) {
  const struct rusage *usage = &attempt->usage;
  bool exited = WIFEXITED(attempt->status);
  int64_t seconds = usage->ru_utime.tv_sec + usage->ru_stime.tv_sec;
  frame_begin(FRAME_EXITED, attempt->number);
  frame_number(attempt->ended_at);
  frame_number(exited ? WEXITSTATUS(attempt->status) : 0);
  frame_number(exited ? 0 : WTERMSIG(attempt->status));
  frame_number(attempt->stopped);
  frame_number(attempt->search.strays);
  frame_number(seconds * 1000000 + usage->ru_utime.tv_usec + usage->ru_stime.tv_usec);
#ifdef __APPLE__
  frame_number(usage->ru_maxrss / 1024);
#else
  frame_number(usage->ru_maxrss);
#endif
  frame_end();
}

static struct attempt *owner(struct search *search) {
  return (struct attempt *)((char *)search - offsetof(struct attempt, search));
}

static void swept_before_end(struct search *search) {
  owner(search)->phase = CUTTING;
  owner(search)->wake_at = now_ms() + CUT_MS;
}

static void swept_after_end(struct search *search) {
  struct attempt *attempt = owner(search);
  attempt->phase = OVER;
  if (search->strays == 0) return;
  frame_begin(FRAME_STRAYS, attempt->number);
  frame_text(attempt->tag);
  frame_number(search->strays);
  frame_end();
}

static void search_for(struct attempt *attempt, void (*over)(struct search *search), int64_t now) {
  attempt->search = (struct search){.tag = attempt->tag, .group = attempt->pid, .over = over};
  sweep(&attempt->search, over == swept_before_end, now);
}

void attempt_ended(struct attempt *attempt, int status, const struct rusage *usage) {
  attempt->ended_at = calendar_ms();
  attempt->status = status;
  attempt->usage = *usage;
  attempt->stopped = attempt->stopping;
  attempt->phase = LEAVING;
  // What it wrote last is there already: that spares short programs a turn of the loop.
  for (int i = 0; i < 2; i += 1)
    while (relay(attempt, i)) continue;
}

// True when the group need not be waited for any longer.
static bool leave(struct attempt *attempt, int64_t now) {
  if (attempt->stopping && !attempt->killed && signal_group(attempt, 0)) {
    attempt->wake_at = now + GROUP_POLL_MS;
    return false;
  }
  attempt->phase = DRAINING;
  attempt->wake_at = now + DRAIN_MS;
  return true;
}

// True when the output need not be waited for any longer. Time in which the worker holds it back does not count.
static bool drain(struct attempt *attempt, int64_t now, int64_t limit_ms) {
  if (!is_open(attempt)) return true;
  if (now < attempt->wake_at) return false;
  if (!is_held(attempt)) return true;
  attempt->wake_at = now + limit_ms;
  return false;
}

/*
 * A look for strays before every end would cost more than a short attempt: only those that were stopped, or whose output
 * stays open, wait for it.
 */
static void finish_draining(struct attempt *attempt, int64_t now) {
  signal_group(attempt, SIGKILL);
  attempt->wake_at = NEVER_MS;
  if (attempt->stopping || is_open(attempt)) {
    attempt->phase = SWEEPING;
    search_for(attempt, swept_before_end, now);
    return;
  }
  tell_end(attempt);
  attempt->phase = TOLD;
  search_for(attempt, swept_after_end, now);
}

static void cut(struct attempt *attempt) {
  for (int i = 0; i < 2; i += 1) close_output(attempt, i);
  tell_end(attempt);
  attempt->phase = OVER;
}

void attempt_advance(struct attempt *attempt, int64_t now) {
  if (attempt->kill_at != NEVER_MS && now >= attempt->kill_at) attempt_kill(attempt);
  if (attempt->phase == LEAVING && !leave(attempt, now)) return;
  if (attempt->phase == DRAINING && (attempt->killed || drain(attempt, now, DRAIN_MS)))
    finish_draining(attempt, now);
  if (attempt->phase == CUTTING && drain(attempt, now, CUT_MS)) cut(attempt);
}
