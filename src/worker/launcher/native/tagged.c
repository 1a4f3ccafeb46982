// Looks through /proc; on systems without it nothing is found, and process groups have to do.
#include "tagged.h"

#ifdef __linux__

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char VARIABLE[] = "MILLRACE_TAG=";

// The text of a file, ended by NUL.
struct text {
  char *bytes;
  size_t size;
  size_t capacity;
};

static struct text children;
static struct text environment;

// Takes over `fd`. A file that cannot be read is empty.
static bool read_all(int fd, struct text *text) {
  text->size = 0;
  ssize_t size = fd < 0 ? -1 : 0;
  while (fd >= 0) {
    if (text->capacity - text->size < 2) {
      text->capacity = text->capacity == 0 ? 4096 : text->capacity * 2;
      text->bytes = realloc(text->bytes, text->capacity);
      if (text->bytes == NULL) abort();
    }
    size = read(fd, text->bytes + text->size, text->capacity - text->size - 1);
    if (size <= 0) break;
    text->size += (size_t)size;
  }
  if (fd >= 0) close(fd);
  if (text->bytes != NULL) text->bytes[text->size] = 0;
  return size == 0;
}

static const char *read_tag(int directory) {
  if (!read_all(openat(directory, "environ", O_RDONLY | O_CLOEXEC), &environment)) return NULL;
  const char *end = environment.bytes + environment.size;
  for (const char *at = environment.bytes; at < end; at += strlen(at) + 1)
    if (strncmp(at, VARIABLE, sizeof VARIABLE - 1) == 0) return at + sizeof VARIABLE - 1;
  return NULL;
}

static void look_at(pid_t pid, bool is_child, void (*found)(const struct tagged *process)) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%ld", (long)pid);
  struct tagged process = {.pid = pid, .is_child = is_child};
  process.directory = open(path, O_DIRECTORY | O_CLOEXEC);
  if (process.directory < 0) return;
  process.tag = read_tag(process.directory);
  found(&process);
  close(process.directory);
}

static bool read_children(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
  return read_all(open(path, O_RDONLY | O_CLOEXEC), &children);
}

void tagged_adopt_orphans(void) { prctl(PR_SET_CHILD_SUBREAPER, 1); }

void tagged_find(enum tagged_scope scope, bool (*is_wanted)(pid_t pid),
                 void (*found)(const struct tagged *process)) {
  if (scope == TAGGED_CHILDREN && read_children()) {
    char *at = children.bytes;
    for (pid_t pid; (pid = (pid_t)strtol(at, &at, 10)) > 0;)
      if (is_wanted(pid)) look_at(pid, true, found);
    return;
  }
  DIR *processes = opendir("/proc");
  if (processes == NULL) return;
  for (struct dirent *entry; (entry = readdir(processes)) != NULL;) {
    pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
    if (pid > 0 && is_wanted(pid)) look_at(pid, false, found);
  }
  closedir(processes);
}

void tagged_signal(const struct tagged *process, int signal) {
  // A directory of /proc stands for its process here; older kernels have only the number.
  if (syscall(SYS_pidfd_send_signal, process->directory, signal, NULL, 0) != 0 && errno != ESRCH)
    kill(process->pid, signal);
}

#else

void tagged_adopt_orphans(void) {}

void tagged_find(enum tagged_scope scope, bool (*is_wanted)(pid_t pid),
                 void (*found)(const struct tagged *process)) {
  (void)scope, (void)is_wanted, (void)found;
}

void tagged_signal(const struct tagged *process, int signal) { (void)process, (void)signal; }

#endif
