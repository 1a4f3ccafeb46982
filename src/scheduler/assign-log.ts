// Appends to the assignment log as its one writer: every append expects the log's last sequence, so that a deposed leader's is refused.
//
// After anything but a clean answer a fence is appended: once it is stored, what was sent before it is either stored or never will be.
import { hasCode, MillraceError } from "../shared/errors.ts";
import type { Broker } from "../shared/io/broker.ts";
import { pause } from "../shared/io/lifecycle.ts";
import { textOf } from "../shared/io/wire.ts";
import { decodeAssignments, type AssignmentBatch } from "../shared/messages.ts";

export type AssignLog = {
  /** Takes the log over, or makes sure of it again. Throws `lost_race` when a newer leader has it. */
  fence(signal: AbortSignal): Promise<void>;
  /** Appends; undefined when it was refused or its outcome is unknown until the next fence. `seq` is where it was meant to go. */
  append(workerId: string, text: string): { seq: number; stored: Promise<boolean> };
  /** After a fence: whether the log holds this message at this place. */
  holds(workerId: string, text: string, seq: number): Promise<boolean>;
};

const RETRY_MS = 100;
const TIMEOUT_MS = 2_000;

export function createAssignLog(
  broker: Pick<Broker, "publish" | "streamState" | "last" | "next" | "subjects">,
  epoch: number,
): AssignLog {
  const { assign } = broker.subjects;
  const fenceText = JSON.stringify({ v: 1, epoch, items: [] } satisfies AssignmentBatch);
  let last = 0;

  /** Appends the fence behind whatever stands last; undefined when something came between or nothing is known. */
  async function tryFence(): Promise<number | undefined> {
    const { lastSeq } = await broker.streamState(assign.stream);
    const newest = await broker.last(assign.stream, assign.epoch);
    const found = newest && decodeAssignments(textOf(newest))?.epoch;
    if (found !== undefined && found > epoch)
      throw new MillraceError(
        "lost_race",
        `Epoch ${found} writes the assignments; epoch ${epoch} is over.`,
      );
    try {
      return (
        await broker.publish(assign.epoch, fenceText, {
          expectStream: lastSeq,
          timeoutMs: TIMEOUT_MS,
        })
      ).seq;
    } catch (error) {
      if (hasCode(error, "lost_race")) return undefined;
      throw error;
    }
  }

  return {
    async fence(signal) {
      while (!signal.aborted) {
        try {
          const seq = await tryFence();
          if (seq !== undefined) {
            last = seq;
            return;
          }
        } catch (error) {
          if (!hasCode(error, "broker_unavailable", "storage_full")) throw error;
        }
        await pause(RETRY_MS, signal);
      }
      throw new MillraceError("lost_race", `Epoch ${epoch} ended before it could write.`);
    },
    append(workerId, text) {
      const expectStream = last;
      last += 1;
      const published = broker.publish(assign.to(workerId), text, {
        expectStream,
        timeoutMs: TIMEOUT_MS,
      });
      return { seq: last, stored: published.then(() => true, whenUnsure) };
    },
    async holds(workerId, text, seq) {
      const found = await broker.next(assign.stream, { from: seq, subject: assign.to(workerId) });
      return found?.seq === seq && textOf(found) === text;
    },
  };
}

function whenUnsure(error: unknown): false {
  if (hasCode(error, "lost_race", "broker_unavailable", "storage_full")) return false;
  throw error;
}
