// The launcher process: starts programs for one worker and takes all of them with it when the worker goes.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "attempts.h"
#include "tagged.h"
#include "watch.h"
#include "wire.h"

// Turns the end of a child into something to read.
static int child_pipe[2];

static void on_child(int signal) {
  (void)signal;
  int error = errno;
  ssize_t written = write(child_pipe[1], "", 1);
  (void)written;  // a full pipe tells enough
  errno = error;
}

// A service supervisor signals every process of the unit: when to end is the worker's word alone.
static void on_other(int signal) { (void)signal; }

static void handle(int signal, void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigfillset(&action.sa_mask);
  sigaction(signal, &action, NULL);
}

static void set_signals(void) {
  handle(SIGCHLD, on_child);
  handle(SIGTERM, on_other);
  handle(SIGINT, on_other);
  handle(SIGHUP, on_other);
  handle(SIGPIPE, on_other);
}

// Whatever was given open without asking must not reach a program.
static void close_inherited_files(void) {
  DIR *files = opendir("/dev/fd");
  if (files == NULL) return;
  for (struct dirent *entry; (entry = readdir(files)) != NULL;) {
    int fd = (int)strtol(entry->d_name, NULL, 10);
    if (fd > STDERR_FILENO && fd != dirfd(files)) close(fd);
  }
  closedir(files);
}

static void open_child_pipe(void) {
  if (pipe(child_pipe) != 0) {
    perror("launcher: no pipe");
    exit(1);
  }
  for (int i = 0; i < 2; i += 1) {
    fcntl(child_pipe[i], F_SETFD, FD_CLOEXEC);
    fcntl(child_pipe[i], F_SETFL, O_NONBLOCK);
  }
}

static void reap(void) {
  char signals[64];
  while (read(child_pipe[0], signals, sizeof signals) > 0) continue;
  attempts_reap();
}

static enum wire_state turn(void) {
  enum wire_state state = WIRE_OPEN;
  watch_clear();
  size_t input = watch(STDIN_FILENO, POLLIN);
  size_t children = watch(child_pipe[0], POLLIN);
  watch(wire_backlog() > 0 ? STDOUT_FILENO : WATCH_NOTHING, POLLOUT);
  watch_wait(attempts_watch());
  if (watch_ready(input)) state = wire_receive(attempts_receive);
  attempts_relay();
  if (watch_ready(children)) reap();
  attempts_advance();
  return wire_flush() ? state : WIRE_CLOSED;
}

int main(void) {
  close_inherited_files();
  open_child_pipe();
  set_signals();
  tagged_adopt_orphans();
  wire_open();
  frame_begin(FRAME_READY, 0);
  frame_end();
  enum wire_state state = WIRE_OPEN;
  while (state == WIRE_OPEN) state = turn();
  attempts_kill_all();
  if (state != WIRE_BROKEN) return 0;
  fputs("launcher: the worker sent what is no frame of this protocol\n", stderr);
  return 1;
}
