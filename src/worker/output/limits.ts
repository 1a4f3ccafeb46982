// How much of everything the output of attempts may take, and how long it waits.

export type Limits = {
  /** Largest body of a chunk: the longer, the less each byte of a flood costs everybody on its way. */
  chunkBytes: number;
  /** What a chunk's header may take of the largest message. */
  headerBytes: number;
  /** Sent and not yet stored: per attempt, and per worker. */
  flightBytes: number;
  workerFlightBytes: number;
  /** Waiting in memory, per attempt. Beyond it the writer waits, or the disk is used. */
  memoryBytes: number;
  /** Waiting on disk: per attempt, and per worker. */
  spoolBytes: number;
  workerSpoolBytes: number;
  /** The newest bytes that are kept of an attempt when not all can be. */
  tailBytes: number;
  /** A broker that stored nothing for this long is slow: output goes to the disk and writers wait no more. */
  stallMs: number;
  /** After the attempt's end, a broker that is there and stores nothing for this long is given up. */
  giveUpMs: number;
};

const KIB = 1_024;
const MIB = 1_024 * KIB;

export const DEFAULT_LIMITS: Limits = {
  // with its header just below a size to which the client's parser lets a message grow: beyond, it doubles its buffer
  chunkBytes: 440 * KIB,
  headerBytes: KIB,
  flightBytes: MIB,
  workerFlightBytes: 8 * MIB,
  memoryBytes: MIB,
  spoolBytes: 256 * MIB,
  workerSpoolBytes: 1_024 * MIB,
  tailBytes: 8 * MIB,
  stallMs: 2_000,
  giveUpMs: 60_000,
};
