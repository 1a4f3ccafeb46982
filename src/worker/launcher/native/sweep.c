// The searches that wait for a pass, and the pass.
#include "sweep.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tagged.h"

enum {
  // A child born while its parent was looked at escapes one pass, not two.
  EMPTY_PASSES = 2,
  // Something that respawns faster than it is killed must not hold an attempt for ever.
  MAX_PASSES = 100,
  PASS_GAP_MS = 5,
  RELAXED_GAP_MS = 1000,
};

static struct search *searches;
static int64_t relaxed_at;
static int64_t pass_at;

void sweep(struct search *search, bool urgent, int64_t now) {
  if (!urgent && relaxed_at <= now) relaxed_at = now + RELAXED_GAP_MS;
  search->due_at = urgent ? now : relaxed_at;
  search->next = searches;
  searches = search;
}

int64_t sweep_due_at(void) {
  int64_t due_at = NEVER_MS;
  for (struct search *search = searches; search != NULL; search = search->next)
    if (due_at == NEVER_MS || search->due_at < due_at) due_at = search->due_at;
  return due_at;
}

// One that takes its time to die is found by several passes.
static void count(struct search *search, pid_t pid) {
  for (unsigned i = 0; i < search->strays; i += 1)
    if (search->seen[i] == pid) return;
  search->seen = realloc(search->seen, (search->strays + 1) * sizeof *search->seen);
  if (search->seen == NULL) abort();
  search->seen[search->strays] = pid;
  search->strays += 1;
}

static void kill_found(const struct tagged *process) {
  if (process->tag == NULL) return;
  for (struct search *search = searches; search != NULL; search = search->next) {
    if (search->due_at > pass_at || strcmp(search->tag, process->tag) != 0) continue;
    search->found = true;
    if (getpgid(process->pid) != search->group) count(search, process->pid);
    tagged_signal(process, SIGKILL);
    return;
  }
}

// True when nothing more is expected of the search.
static bool conclude(struct search *search) {
  search->passes += 1;
  search->empty_passes = search->found ? 0 : search->empty_passes + 1;
  search->found = false;
  search->due_at = pass_at + PASS_GAP_MS;
  return search->empty_passes >= EMPTY_PASSES || search->passes >= MAX_PASSES;
}

void sweep_pass(bool (*is_wanted)(pid_t pid), int64_t now) {
  int64_t due_at = sweep_due_at();
  if (due_at == NEVER_MS || due_at > now) return;
  pass_at = now;
  tagged_find(TAGGED_CHILDREN, is_wanted, kill_found);
  for (struct search **at = &searches; *at != NULL;) {
    struct search *search = *at;
    if (search->due_at > now || !conclude(search)) {
      at = &search->next;
      continue;
    }
    *at = search->next;
    free(search->seen);
    search->seen = NULL;
    search->over(search);
  }
}
