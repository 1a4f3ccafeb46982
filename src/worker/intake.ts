// Takes in the assignments of this worker, in order and without gaps.
import type { Broker } from "../shared/io/broker.ts";
import { createFeed, type Feed } from "../shared/io/feed.ts";
import type { Log } from "../shared/io/log.ts";
import { textOf, type Stored } from "../shared/io/wire.ts";
import { decodeAssignments, type Assignment } from "../shared/messages.ts";

/** The leader notices much sooner when one is missed; this is for when nobody leads. */
const CHECK_MS = 30_000;

export type DropReason = "unreadable" | "old_epoch";

/** A message that cannot be read, or that a deposed leader wrote, is dropped and counted. */
export function createIntake(deps: {
  broker: Broker;
  workerId: string;
  take(assignment: Assignment): void;
  onDropped(why: DropReason): void;
  log: Log;
}): Feed {
  const { broker, workerId, take, onDropped, log } = deps;
  const { assign } = broker.subjects;
  let epoch = 0;

  function drop(message: Stored, why: DropReason): void {
    onDropped(why);
    log.warn({ event: "assignment_dropped", why, seq: message.seq }, "assignment dropped");
  }

  return createFeed({
    broker,
    stream: assign.stream,
    source: assign.to(workerId),
    listen: assign.commandsOf(workerId),
    scope: "subject",
    checkMs: CHECK_MS,
    log,
    onMessage(message) {
      const batch = decodeAssignments(textOf(message));
      if (batch === undefined) return drop(message, "unreadable");
      if (batch.epoch < epoch) return drop(message, "old_epoch");
      epoch = batch.epoch;
      for (const assignment of batch.items) take(assignment);
    },
  });
}
