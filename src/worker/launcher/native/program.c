// Finds the file that a command names and makes a process of it.
#define _GNU_SOURCE
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include "wire.h"

static const char DEFAULT_PATH[] = "/usr/local/bin:/usr/bin:/bin";

enum { READ_END, WRITE_END };

// The program's ends of everything, as the child needs them.
struct start {
  const struct program *program;
  const char *file;
  pid_t launcher;
  int input;
  int outputs[2];
  // Closed by the start of the program; an errno comes through when there is none.
  int report;
};

static int open_pipe(int ends[2]) {
#ifdef __linux__
  return pipe2(ends, O_CLOEXEC);
#else
  if (pipe(ends) != 0) return -1;
  for (int i = 0; i < 2; i += 1) fcntl(ends[i], F_SETFD, FD_CLOEXEC);
  return 0;
#endif
}

static void close_pipe(const int ends[2]) {
  for (int i = 0; i < 2; i += 1)
    if (ends[i] >= 0) close(ends[i]);
}

// As the kernel counts them, and the C library where there is no number for it.
static const int RESOURCES[LIMITS] = {RLIMIT_CPU, RLIMIT_AS, RLIMIT_NOFILE, RLIMIT_NPROC,
                                      RLIMIT_FSIZE};

static bool set_limits(const int64_t limits[LIMITS]) {
  for (int i = 0; i < LIMITS; i += 1) {
    rlim_t most = (rlim_t)limits[i];
    struct rlimit limit = {.rlim_cur = most, .rlim_max = most};
    if (limits[i] != NOT_SET && setrlimit(RESOURCES[i], &limit) != 0) return false;
  }
  return true;
}

static bool enter_group(const char *group) {
  if (*group == 0) return true;
  int fd = open(group, O_WRONLY | O_CLOEXEC);
  if (fd >= 0 && write(fd, "0", 1) == 1) return true;  // 0 is whoever writes
  errno = EAGAIN;  // whatever it was, the program has no part in it
  return false;
}

// For good: nothing of the launcher's rights stays.
static bool become_user(int64_t uid, int64_t gid) {
  if (uid == NOT_SET) return true;
  gid_t group = (gid_t)gid;
#ifdef __linux__
  // The kernel's own calls: the library's would tell threads that a shared memory makes it believe in.
  return syscall(SYS_setgroups, (size_t)1, &group) == 0 &&
         syscall(SYS_setresgid, group, group, group) == 0 &&
         syscall(SYS_setresuid, (uid_t)uid, (uid_t)uid, (uid_t)uid) == 0;
#else
  return setgroups(1, &group) == 0 && setgid(group) == 0 && setuid((uid_t)uid) == 0;
#endif
}

// Runs in the child, which may share the launcher's memory: only system calls, and nothing is changed in memory.
static _Noreturn void become(const struct start *start) {
  setsid();
  static const int handled[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGPIPE};
  for (size_t i = 0; i < sizeof handled / sizeof *handled; i += 1) signal(handled[i], SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  const struct program *program = start->program;
  bool ready = enter_group(program->group) && dup2(start->input, STDIN_FILENO) >= 0 &&
               dup2(start->outputs[0], STDOUT_FILENO) >= 0 &&
               dup2(start->outputs[1], STDERR_FILENO) >= 0 && set_limits(program->limits) &&
               become_user(program->uid, program->gid) && chdir(program->cwd) == 0;
#ifdef __linux__
  // After the change of user, which clears it.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != start->launcher) _exit(127);
#endif
  if (ready) execve(start->file, program->argv, program->env);
  int error = errno;
  ssize_t written = write(start->report, &error, sizeof error);
  _exit(written == sizeof error ? 127 : 126);
}

// Returns 0 when the program runs, else an errno.
static int make_process(const struct start *start, int report, pid_t *pid) {
  sigset_t all, before;
  sigfillset(&all);
  // No handler of the launcher may run in the child.
  sigprocmask(SIG_SETMASK, &all, &before);
#ifdef __linux__
  // The launcher stands still until the program runs, and no page is copied.
  *pid = vfork();
#else
  *pid = fork();
#endif
  if (*pid == 0) become(start);
  int error = errno;
  sigprocmask(SIG_SETMASK, &before, NULL);
  close(start->report);
  if (*pid < 0) return error;
  ssize_t size;
  do size = read(report, &error, sizeof error);
  while (size < 0 && errno == EINTR);
  return size == sizeof error ? error : 0;
}

// Puts the launcher's ends into `outputs`. Returns 0 when the program runs, else an errno.
static int start_with_pipes(struct start *start, int outputs[2], pid_t *pid) {
  int out[2] = {-1, -1}, err[2] = {-1, -1}, report[2] = {-1, -1};
  if (open_pipe(out) != 0 || open_pipe(err) != 0 || open_pipe(report) != 0) {
    int error = errno;
    close_pipe(out);
    close_pipe(err);
    return error;
  }
  start->outputs[0] = out[WRITE_END];
  start->outputs[1] = err[WRITE_END];
  start->report = report[WRITE_END];
  int error = make_process(start, report[READ_END], pid);
  close(report[READ_END]);
  if (error != 0) {
    close_pipe(out);
    close_pipe(err);
    return error;
  }
  close(out[WRITE_END]);
  close(err[WRITE_END]);
  outputs[0] = out[READ_END];
  outputs[1] = err[READ_END];
  for (int i = 0; i < 2; i += 1) fcntl(outputs[i], F_SETFL, O_NONBLOCK);
  return 0;
}

static int file_error(const char *file) {
  struct stat found;
  if (stat(file, &found) != 0) return errno == ENOTDIR ? ENOENT : errno;
  if (S_ISDIR(found.st_mode)) return EISDIR;
  return access(file, X_OK) == 0 ? 0 : errno;
}

static int directory_error(const char *cwd) {
  struct stat found;
  if (stat(cwd, &found) != 0) return errno;
  if (!S_ISDIR(found.st_mode)) return ENOTDIR;
  return access(cwd, X_OK) == 0 ? 0 : errno;
}

static const char *search_path(char **env) {
  for (; *env != NULL; env += 1)
    if (strncmp(*env, "PATH=", 5) == 0) return *env + 5;
  return DEFAULT_PATH;
}

// Writes the file that the command names into `file`. Returns 0, or an errno that says why none can be run.
static int find_file(const struct program *program, char file[PATH_MAX]) {
  const char *name = program->argv[0], *cwd = program->cwd;
  if (strchr(name, '/') != NULL) {
    int size = *name == '/' ? snprintf(file, PATH_MAX, "%s", name)
                            : snprintf(file, PATH_MAX, "%s/%s", cwd, name);
    return size < PATH_MAX ? file_error(file) : ENAMETOOLONG;
  }
  int refused = ENOENT;
  for (const char *path = search_path(program->env);; path += 1) {
    int length = (int)strcspn(path, ":");
    int size = *path == '/' ? snprintf(file, PATH_MAX, "%.*s/%s", length, path, name)
                            : snprintf(file, PATH_MAX, "%s/%.*s/%s", cwd, length, path, name);
    int error = size < PATH_MAX ? file_error(file) : ENAMETOOLONG;
    if (error == 0) return 0;
    if (error != ENOENT) refused = error;
    path += length;
    if (*path == 0) return refused;
  }
}

// Writes the program after #! in `file` into `name`, empty when there is none.
static void read_interpreter(const char *file, char name[PATH_MAX]) {
  char line[256] = "";
  int fd = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  name[0] = 0;
  if (fd < 0) return;
  ssize_t size = read(fd, line, sizeof line - 1);
  close(fd);
  if (size < 2 || line[0] != '#' || line[1] != '!') return;
  const char *start = line + 2 + strspn(line + 2, " \t");
  snprintf(name, PATH_MAX, "%.*s", (int)strcspn(start, " \t\n"), start);
}

static void explain(struct failure *failure, const struct program *program, int error,
                    const char *file) {
  int directory = directory_error(program->cwd);
  failure->file[0] = 0;
  failure->error = directory != 0 ? directory : error;
  failure->part = "program";
  if (directory != 0) {
    failure->part = "directory";
  } else if (error == E2BIG || error == EAGAIN || error == ENOMEM || error == EMFILE ||
             error == ENFILE) {
    failure->part = "system";
  } else if (error == ENOENT && file_error(file) == 0) {
    failure->part = "interpreter";
    read_interpreter(file, failure->file);
  }
}

pid_t program_start(const struct program *program, int outputs[2], struct failure *failure) {
  char file[PATH_MAX];
  pid_t pid = -1;
  int error = find_file(program, file);
  if (error == 0) {
    struct start start = {.program = program, .file = file, .launcher = getpid()};
    start.input = open(program->input, O_RDONLY | O_CLOEXEC);
    if (start.input < 0) {
      *failure = (struct failure){.part = errno == EMFILE || errno == ENFILE ? "system" : "input",
                                  .error = errno};
      return -1;
    }
    error = start_with_pipes(&start, outputs, &pid);
    close(start.input);
  }
  if (error == 0) return pid;
  explain(failure, program, error, file);
  return -1;
}
