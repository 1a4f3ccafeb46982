// Frames as bytes, and the two buffers between them and the worker.
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  HEADER_BYTES = 9,
  MAX_PAYLOAD_BYTES = 32 * 1024 * 1024,
  // What one large frame needed is given back to the system.
  KEPT_BYTES = 2 * 1024 * 1024,
};

// Bytes from `start` to `end` are waiting.
struct buffer {
  unsigned char *bytes;
  size_t start;
  size_t end;
  size_t capacity;
};

// The largest whole number that the worker's language is exact with.
static const int64_t MAX_NUMBER = (1LL << 53) - 1;

static struct buffer incoming;
static struct buffer outgoing;
// Where the frame that is being filled begins, counted from the first waiting byte.
static size_t frame_at;

static size_t waiting(const struct buffer *buffer) { return buffer->end - buffer->start; }

// The place for `size` bytes behind the waiting ones, valid until the next call.
static unsigned char *room(struct buffer *buffer, size_t size) {
  if (buffer->capacity - buffer->end >= size) return buffer->bytes + buffer->end;
  // Only where at least as much is gained as moved.
  if (buffer->start > 0 && buffer->start >= waiting(buffer)) {
    memmove(buffer->bytes, buffer->bytes + buffer->start, waiting(buffer));
    buffer->end -= buffer->start;
    buffer->start = 0;
  }
  if (buffer->capacity - buffer->end < size) {
    size_t capacity = buffer->capacity * 2;
    if (capacity < buffer->end + size) capacity = buffer->end + size;
    unsigned char *bytes = realloc(buffer->bytes, capacity);
    if (bytes == NULL) abort();  // the worker clears up after a launcher that died
    buffer->bytes = bytes;
    buffer->capacity = capacity;
  }
  return buffer->bytes + buffer->end;
}

static void drop(struct buffer *buffer, size_t size) {
  buffer->start += size;
  if (buffer->start < buffer->end) return;
  buffer->start = buffer->end = 0;
  if (buffer->capacity <= KEPT_BYTES) return;
  free(buffer->bytes);
  *buffer = (struct buffer){0};
}

static uint32_t read_u32(const unsigned char *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void write_u32(unsigned char *bytes, uint32_t value) {
  for (int i = 0; i < 4; i += 1) bytes[i] = (unsigned char)(value >> (24 - 8 * i));
}

static void write_header(unsigned char *at, size_t size, enum frame_type type, uint32_t attempt) {
  write_u32(at, (uint32_t)size);
  at[4] = (unsigned char)type;
  write_u32(at + 5, attempt);
}

void wire_open(void) {
  fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
  fcntl(STDOUT_FILENO, F_SETFL, fcntl(STDOUT_FILENO, F_GETFL) | O_NONBLOCK);
}

enum wire_state wire_receive(on_frame *handle) {
  ssize_t size = read(STDIN_FILENO, room(&incoming, WIRE_PIECE_BYTES), WIRE_PIECE_BYTES);
  if (size < 0) return errno == EAGAIN || errno == EINTR ? WIRE_OPEN : WIRE_CLOSED;
  if (size == 0) return WIRE_CLOSED;
  incoming.end += (size_t)size;
  while (waiting(&incoming) >= HEADER_BYTES) {
    const unsigned char *header = incoming.bytes + incoming.start;
    size_t length = read_u32(header);
    if (length > MAX_PAYLOAD_BYTES) return WIRE_BROKEN;
    if (waiting(&incoming) - HEADER_BYTES < length) return WIRE_OPEN;
    char *payload = (char *)header + HEADER_BYTES;
    struct fields fields = {.next = payload, .end = payload + length, .broken = false};
    if (!handle(header[4], read_u32(header + 5), &fields)) return WIRE_BROKEN;
    drop(&incoming, HEADER_BYTES + length);
  }
  return WIRE_OPEN;
}

char *field_text(struct fields *fields) {
  static char none[1];
  char *text = fields->next;
  char *end = fields->broken ? NULL : memchr(text, 0, (size_t)(fields->end - text));
  if (end == NULL) {
    fields->broken = true;
    return none;
  }
  fields->next = end + 1;
  return text;
}

int64_t field_number(struct fields *fields) {
  char *text = field_text(fields), *end = text;
  int64_t number = strtoll(text, &end, 10);
  if (*text >= '0' && *text <= '9' && *end == 0 && number <= MAX_NUMBER) return number;
  fields->broken = true;
  return 0;
}

int64_t field_optional(struct fields *fields) {
  if (fields->next == fields->end || *fields->next != 0) return field_number(fields);
  fields->next += 1;
  return NOT_SET;
}

size_t fields_left(const struct fields *fields) {
  size_t count = 0;
  for (const char *at = fields->next; at < fields->end; at += 1) count += *at == 0;
  return fields->broken ? 0 : count;
}

bool fields_done(const struct fields *fields) {
  return !fields->broken && fields->next == fields->end;
}

static void put(const void *bytes, size_t size) {
  memcpy(room(&outgoing, size), bytes, size);
  outgoing.end += size;
}

void frame_begin(enum frame_type type, uint32_t attempt) {
  frame_at = waiting(&outgoing);
  write_header(room(&outgoing, HEADER_BYTES), 0, type, attempt);
  outgoing.end += HEADER_BYTES;
}

void frame_text(const char *text) { put(text, strlen(text) + 1); }

void frame_number(int64_t number) {
  char text[24];
  put(text, (size_t)snprintf(text, sizeof text, "%" PRId64, number) + 1);
}

void frame_end(void) {
  size_t size = waiting(&outgoing) - frame_at - HEADER_BYTES;
  write_u32(outgoing.bytes + outgoing.start + frame_at, (uint32_t)size);
}

ssize_t wire_relay(int fd, enum frame_type type, uint32_t attempt) {
  unsigned char *frame = room(&outgoing, HEADER_BYTES + WIRE_PIECE_BYTES);
  ssize_t size = read(fd, frame + HEADER_BYTES, WIRE_PIECE_BYTES);
  if (size > 0) {
    write_header(frame, (size_t)size, type, attempt);
    outgoing.end += HEADER_BYTES + (size_t)size;
  }
  return size;
}

size_t wire_backlog(void) { return waiting(&outgoing); }

bool wire_flush(void) {
  while (wire_backlog() > 0) {
    ssize_t size = write(STDOUT_FILENO, outgoing.bytes + outgoing.start, wire_backlog());
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    drop(&outgoing, (size_t)size);
  }
  return true;
}
