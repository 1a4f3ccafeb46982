// Starting the program of an attempt, or telling what is missing for it.
#ifndef PROGRAM_H
#define PROGRAM_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

// In the order of LIMITS in ../protocol.ts.
enum limit { CPU_SECONDS, MEMORY_BYTES, OPEN_FILES, PROCESSES, FILE_BYTES, LIMITS };

struct program {
  char **argv;
  char **env;
  const char *cwd;
  // File that becomes the standard input.
  const char *input;
  // The cgroup.procs of the control group that it starts in, empty for the launcher's own.
  const char *group;
  // NOT_SET (see wire.h): the launcher's own, and none.
  int64_t uid, gid;
  int64_t limits[LIMITS];
};

// `part` is a FailedPart of ../protocol.ts, `file` what is missing there, if it is not named by the request.
struct failure {
  const char *part;
  int error;
  char file[PATH_MAX];
};

/*
 * The program leads a session and group of its own, has its three standard streams and nothing else open, default signals,
 * and dies with the launcher where the system can do that. `outputs` are the launcher's ends of its stdout and stderr.
 * Returns its pid, or -1 with `failure` filled in.
 */
pid_t program_start(const struct program *program, int outputs[2], struct failure *failure);

#endif
