// The pieces of a job's output as the server's NDJSON has them.
import type { Channel, Closing, DropReason } from "../shared/chunk.ts";

type Place = { attempt: number; cursor: string };

export type LogEntry =
  | (Place & {
      kind: "chunk";
      channel: Channel;
      offset: number;
      at: number | string;
    } & ({ text: string } | { base64: string }))
  | (Place & {
      kind: "gap";
      channel: Channel;
      offset: number;
      dropped: number;
      reason: DropReason | "expired";
    })
  | (Place & { kind: "end"; complete: boolean; totals?: Closing });

/** The bytes of a chunk, exactly as the job wrote them. */
export function bytesOf(entry: Extract<LogEntry, { kind: "chunk" }>): Uint8Array {
  return "text" in entry ? Buffer.from(entry.text, "utf8") : Buffer.from(entry.base64, "base64");
}
