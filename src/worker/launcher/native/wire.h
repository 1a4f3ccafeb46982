// The connection to the worker, see ../protocol.ts: frames in on standard input, frames out on standard output.
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum frame_type {
  FRAME_SPAWN = 1,
  FRAME_STOP = 2,
  FRAME_KILL = 3,
  FRAME_CREDIT = 4,
  FRAME_READY = 64,
  FRAME_STARTED = 65,
  FRAME_STDOUT = 66,
  FRAME_STDERR = 67,
  FRAME_EXITED = 68,
  FRAME_FAILED = 69,
  FRAME_STRAYS = 70,
};

enum {
  // At most so much is moved at once, and is one frame of output: a whole chunk, see ../../output/limits.ts.
  WIRE_PIECE_BYTES = 440 * 1024,
};

enum { NOT_SET = -1 };

enum wire_state { WIRE_OPEN, WIRE_CLOSED, WIRE_BROKEN };

// A payload that is read field by field. Once `broken`, every further field is empty or 0.
struct fields {
  char *next;
  char *end;
  bool broken;
};

// Handles one frame; false when its payload is not what its type demands. The payload is gone afterwards.
typedef bool on_frame(int type, uint32_t attempt, struct fields *payload);

void wire_open(void);

// Takes in what has arrived, without waiting.
enum wire_state wire_receive(on_frame *handle);

// The next field, ended by NUL, in place.
char *field_text(struct fields *fields);
// Not negative.
int64_t field_number(struct fields *fields);
// The same, or NOT_SET for an empty field.
int64_t field_optional(struct fields *fields);
size_t fields_left(const struct fields *fields);
// True when every byte was a field that was asked for.
bool fields_done(const struct fields *fields);

// A frame is begun, filled with fields, ended; it leaves with the next flush.
void frame_begin(enum frame_type type, uint32_t attempt);
void frame_text(const char *text);
void frame_number(int64_t number);
void frame_end(void);

// Moves what can be read from `fd` at once into one frame; the result is that of read(2).
ssize_t wire_relay(int fd, enum frame_type type, uint32_t attempt);

// Bytes that the worker has not taken yet.
size_t wire_backlog(void);
// Writes what the worker takes without waiting; false when it takes nothing any more.
bool wire_flush(void);

#endif
