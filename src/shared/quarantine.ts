// Quarantine: a worker that fails again and again for reasons of its own gets nothing but a probe now and then, until one succeeds.
import { z } from "zod";

import { decodeStored } from "./stored.ts";

/** Failures in a row that take a worker out, and how long it waits for a probe: each one that fails doubles the wait. */
export const QUARANTINE = { failures: 3, firstProbeMs: 5_000, longestWaitMs: 300_000 } as const;

/** What stands in the configuration under the worker's name: a worker that is started again stays in. */
export type Quarantine = {
  v: 1;
  /** Epoch ms. */
  since: number;
  /** One sentence for people. */
  reason: string;
  /** Probes that failed since. */
  probes: number;
  /** Epoch ms from which on it is given one job at a time. */
  probeAt: number;
  /** Sequence of the newest assignment when this was written: only attempts assigned later are probes. */
  after: number;
};

const quarantine: z.ZodType<Quarantine> = z.object({
  v: z.literal(1),
  since: z.number(),
  reason: z.string(),
  probes: z.int(),
  probeAt: z.number(),
  after: z.int(),
});

export const decodeQuarantine = (text: string): Quarantine | undefined =>
  decodeStored(text, quarantine);

/** The entry after one more reason to keep the worker out; `before` is the one that stands there. */
export function quarantined(
  before: Quarantine | undefined,
  { reason, after, at }: { reason: string; after: number; at: number },
): Quarantine {
  const probes = before === undefined ? 0 : before.probes + 1;
  const waitMs = Math.min(QUARANTINE.longestWaitMs, QUARANTINE.firstProbeMs * 2 ** probes);
  return { v: 1, since: before?.since ?? at, reason, probes, probeAt: at + waitMs, after };
}
