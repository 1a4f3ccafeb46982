// What is stored about a schedule: the schedule itself, changed by people, and how far it has come, changed by the leader.
import { z } from "zod";

import { scheduleSpecSchema, type ScheduleSpec } from "./schedule.ts";
import { decodeStored } from "./stored.ts";

/** Id of what a schedule started: a job, or the group that a definition of several steps is. */
export type RunId = string;

/** A stretch of time in which nothing fires. Absent `to`: it lasts. Epoch ms; `from` belongs to it, `to` does not. */
export type Pause = { from: number; to?: number; actor: string };

export type Schedule = {
  v: 1;
  spec: ScheduleSpec;
  /** Also tells this schedule from an earlier one of its name. */
  createdAt: number;
  updatedAt: number;
  /** Instants up to this one are none of the rule's: it was made or changed then. */
  since: number;
  /** The newest pause. */
  pause?: Pause;
};

/** Something that was decided and is being carried out: done again by the next leader if this one dies on the way. */
export type Decided = {
  what: "fired" | "skipped" | "generated" | "failed";
  /** The instant, or the first of several. */
  at: number;
  decidedAt: number;
  /** fired: what is to be started. generated: what the generator ran as. */
  run?: RunId;
  reason?: string;
  /** skipped: the last of several instants, and how many; `atLeast` when they were not all counted. */
  until?: number;
  count?: number;
  atLeast?: true;
  /** fired: it was missed, and is made good. */
  late?: true;
  /** generated: what became of the jobs that were returned. */
  jobs?: { submitted: number; known: number };
};

export type GeneratorState = {
  /** Runs whose results have not been taken yet. */
  open: RunId[];
  /** Runs whose results were taken, and jobs that came of them. */
  counts: { runs: number; failed: number; submitted: number; known: number };
  last?: { at: number; run: RunId; submitted: number; error?: string };
};

export type ScheduleState = {
  v: 1;
  /** The schedule's own `createdAt`; a state with another one is of an earlier schedule. */
  of: number;
  /** Every instant up to this one is decided. */
  cursor: number;
  /** Runs that were on when last looked. */
  active: RunId[];
  /** Instants that wait for the run before them. */
  waiting: number[];
  /** Instants of the past that somebody asked for. */
  backlog: number[];
  /** The newest decisions. */
  decided: Decided[];
  /** Sequence in the log of happenings after which the newest decisions are told. */
  toldAfter: number;
  counts: { fired: number; skipped: number; failed: number };
  last?: { at: number; decidedAt: number; run: RunId };
  lastSkip?: { at: number; reason: string };
  lastError?: { at: number; message: string };
  generator?: GeneratorState;
};

/** Whether all schedules are paused. */
export type SchedulesPause = { v: 1; pause?: Pause };

const stretch = z.object({ from: z.number(), to: z.exactOptional(z.number()), actor: z.string() });

const schedule: z.ZodType<Schedule> = z.object({
  v: z.literal(1),
  spec: scheduleSpecSchema,
  createdAt: z.number(),
  updatedAt: z.number(),
  since: z.number(),
  pause: z.exactOptional(stretch),
});

const decided: z.ZodType<Decided> = z.object({
  what: z.enum(["fired", "skipped", "generated", "failed"]),
  at: z.number(),
  decidedAt: z.number(),
  run: z.exactOptional(z.string()),
  reason: z.exactOptional(z.string()),
  until: z.exactOptional(z.number()),
  count: z.exactOptional(z.int()),
  atLeast: z.exactOptional(z.literal(true)),
  late: z.exactOptional(z.literal(true)),
  jobs: z.exactOptional(z.object({ submitted: z.int(), known: z.int() })),
});

const generator: z.ZodType<GeneratorState> = z.object({
  open: z.array(z.string()),
  counts: z.object({ runs: z.int(), failed: z.int(), submitted: z.int(), known: z.int() }),
  last: z.exactOptional(
    z.object({
      at: z.number(),
      run: z.string(),
      submitted: z.int(),
      error: z.exactOptional(z.string()),
    }),
  ),
});

const state: z.ZodType<ScheduleState> = z.object({
  v: z.literal(1),
  of: z.number(),
  cursor: z.number(),
  active: z.array(z.string()),
  waiting: z.array(z.number()),
  backlog: z.array(z.number()),
  decided: z.array(decided),
  toldAfter: z.int(),
  counts: z.object({ fired: z.int(), skipped: z.int(), failed: z.int() }),
  last: z.exactOptional(z.object({ at: z.number(), decidedAt: z.number(), run: z.string() })),
  lastSkip: z.exactOptional(z.object({ at: z.number(), reason: z.string() })),
  lastError: z.exactOptional(z.object({ at: z.number(), message: z.string() })),
  generator: z.exactOptional(generator),
});

const schedulesPause: z.ZodType<SchedulesPause> = z.object({
  v: z.literal(1),
  pause: z.exactOptional(stretch),
});

export const decodeSchedule = (text: string): Schedule | undefined => decodeStored(text, schedule);
export const decodeScheduleState = (text: string): ScheduleState | undefined =>
  decodeStored(text, state);
export const decodeSchedulesPause = (text: string): SchedulesPause | undefined =>
  decodeStored(text, schedulesPause);

/** How far a schedule has come that was never looked at. */
export const freshState = ({ createdAt, since }: Schedule): ScheduleState => ({
  v: 1,
  of: createdAt,
  cursor: since,
  active: [],
  waiting: [],
  backlog: [],
  decided: [],
  toldAfter: 0,
  counts: { fired: 0, skipped: 0, failed: 0 },
});

export const isPaused = (pause: Pause | undefined): boolean =>
  pause !== undefined && pause.to === undefined;
