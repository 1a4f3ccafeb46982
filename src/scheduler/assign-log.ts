// Appends to the assignment log as its one writer: every append names the message that it must come right after.
//
// The sequence alone would not do for several on the way at once: where a new leader's message takes the place of the first, the
// second would find the sequence that it expects. So each also expects the id of the one before it, which only its own writer knows.
// A replicated stream must not be asked that: it does not keep the ids over a restart, and a copy that catches up would then refuse
// what is stored, for ever. There the writer has one append under way at a time, and the sequence is enough.
// After anything but a clean answer a fence is appended: once it is stored, what was sent before it is either stored or never will be.
import { hasCode, MillraceError } from "../shared/errors.ts";
import type { Broker } from "../shared/io/broker.ts";
import { pause } from "../shared/io/lifecycle.ts";
import { textOf } from "../shared/io/wire.ts";
import { decodeAssignments, type AssignmentBatch } from "../shared/messages.ts";

export type AssignLog = {
  /** Takes the log over, or makes sure of it again. Throws `lost_race` when a newer leader has it. */
  fence(signal: AbortSignal): Promise<void>;
  /** Appends; `stored` is false when it was refused, or when nobody knows until the next fence. `seq` is where it was meant to go. */
  append(workerId: string, text: string): { seq: number; stored: Promise<boolean> };
  /** After a fence: whether the log holds this message at this place. */
  holds(workerId: string, text: string, seq: number): Promise<boolean>;
};

const RETRY_MS = 100;
const TIMEOUT_MS = 2_000;

/** `replicas`: copies that the broker keeps of the log. */
export function createAssignLog(
  broker: Pick<Broker, "publish" | "streamState" | "last" | "next" | "subjects">,
  epoch: number,
  replicas: number,
): AssignLog {
  const { assign } = broker.subjects;
  const fenceText = JSON.stringify({ v: 1, epoch, items: [] } satisfies AssignmentBatch);
  /** Where the log ends as far as this writer knows, once all that is under way is stored. */
  let last = { seq: 0, id: "" };
  let count = 0;
  const nextId = () => `${epoch}.${(count += 1)}`;

  /** Appends the fence behind whatever stands last; undefined when something came between or nothing is known. */
  async function tryFence(): Promise<{ seq: number; id: string } | undefined> {
    const { lastSeq } = await broker.streamState(assign.stream);
    const newest = await broker.last(assign.stream, assign.epoch);
    const found = newest && decodeAssignments(textOf(newest))?.epoch;
    if (found !== undefined && found > epoch)
      throw new MillraceError(
        "lost_race",
        `Epoch ${found} writes the assignments; epoch ${epoch} is over.`,
      );
    const id = nextId();
    try {
      const { seq } = await broker.publish(assign.epoch, fenceText, {
        expectStream: lastSeq,
        headers: { "Nats-Msg-Id": id },
        timeoutMs: TIMEOUT_MS,
      });
      return { seq, id };
    } catch (error) {
      if (hasCode(error, "lost_race")) return undefined;
      throw error;
    }
  }

  return {
    async fence(signal) {
      while (!signal.aborted) {
        try {
          const stored = await tryFence();
          if (stored !== undefined) {
            last = stored;
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
      const before = last;
      last = { seq: before.seq + 1, id: nextId() };
      const published = broker.publish(assign.to(workerId), text, {
        expectStream: before.seq,
        headers: {
          "Nats-Msg-Id": last.id,
          ...(replicas > 1 ? {} : { "Nats-Expected-Last-Msg-Id": before.id }),
        },
        timeoutMs: TIMEOUT_MS,
      });
      return { seq: last.seq, stored: published.then(() => true, whenUnsure) };
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
