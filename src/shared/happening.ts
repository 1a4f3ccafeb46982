// Happenings: what Millrace or a person did to anything that is not a job, kept so that it can be looked up later.
import { z } from "zod";

import { decodeStored } from "./stored.ts";

/** Jobs keep a timeline of their own; everything else is told here. `kind` and `name` are names (see `names.ts`). */
export type Happening = {
  v: 1;
  /** Epoch ms. */
  at: number;
  /** What it happened to: "schedule", "definition", "group", "webhook", "audit", … */
  kind: string;
  name: string;
  /** One word: "fired", "skipped", "paused", "created", … */
  what: string;
  /** Who did it; absent: Millrace itself. */
  actor?: string;
  /** One sentence for people. */
  reason?: string;
  /** The job that it brought about or concerns. */
  job?: string;
  /** More, by kind. */
  detail?: Readonly<Record<string, unknown>>;
};

const happening: z.ZodType<Happening> = z.object({
  v: z.literal(1),
  at: z.number(),
  kind: z.string(),
  name: z.string(),
  what: z.string(),
  actor: z.exactOptional(z.string()),
  reason: z.exactOptional(z.string()),
  job: z.exactOptional(z.string()),
  detail: z.exactOptional(z.record(z.string(), z.unknown())),
});

/** The happening in a text; undefined when it is none. */
export const decodeHappening = (text: string): Happening | undefined =>
  decodeStored(text, happening);
