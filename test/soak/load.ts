// A steady stream of short jobs over HTTP, a tenth of them programs with some output, and one reader of that output.
import { pause } from "../../src/shared/io/lifecycle.ts";
import type { JobSpec } from "../../src/shared/spec.ts";
import { ask, demand, type Stats } from "../lab/api.ts";

export type Load = {
  readonly submitted: number;
  /** Submits that were not accepted. */
  readonly refused: number;
  /** Jobs whose output was read while they ran, and how many of them read otherwise than they wrote. */
  readonly followed: number;
  readonly misread: number;
  /** Resolves when the signal has ended it. */
  readonly done: Promise<void>;
};

/** Records leave again while the load goes on. */
export const RETENTION_MS = 30_000;
const RETENTION = `${RETENTION_MS}ms`;
const LINES = 5;
const PRINTED = Array.from({ length: LINES }, (_, i) => `line ${i + 1} of ${LINES}\n`).join("");
const PRINTER: JobSpec = { command: ["printf", "%s", PRINTED], retention: RETENTION };
const BRIEF: JobSpec = { handler: "brief", retention: RETENTION };
const ONE_PROGRAM_IN = 10;
const LARGEST_BATCH = 200;
const TICK_MS = 100;
const DEPTH = 200;
const WARM_UP_MS = 5_000;

const specAt = (n: number): JobSpec => (n % ONE_PROGRAM_IN === 0 ? PRINTER : BRIEF);

/** Submits so many jobs a second until the signal. */
export function startLoad(url: string, perSecond: number, signal: AbortSignal): Load {
  const counts = { submitted: 0, refused: 0, followed: 0, misread: 0 };
  let newestProgram: string | undefined;

  async function submit(): Promise<void> {
    const startedAt = performance.now();
    let sent = 0;
    while (!signal.aborted) {
      const due = Math.floor(((performance.now() - startedAt) / 1_000) * perSecond) - sent;
      const specs = Array.from({ length: Math.min(due, LARGEST_BATCH) }, (_, i) =>
        specAt(sent + i),
      );
      sent += specs.length;
      const ids = await submitAll(url, specs);
      if (ids === undefined) counts.refused += specs.length;
      else counts.submitted += ids.length;
      const program = specs.indexOf(PRINTER);
      if (program !== -1) newestProgram = ids?.[program];
      await pause(TICK_MS, signal);
    }
  }

  async function follow(): Promise<void> {
    while (!signal.aborted) {
      const id = newestProgram;
      newestProgram = undefined;
      if (id === undefined) await pause(TICK_MS, signal);
      else {
        const { body } = await ask<string>(`${url}/v1/jobs/${id}/logs?follow=true`, "GET");
        counts.followed += 1;
        if (body !== PRINTED) counts.misread += 1;
      }
    }
  }

  const done = Promise.all([submit(), follow()]).then(() => undefined);
  return {
    get submitted() {
      return counts.submitted;
    },
    get refused() {
      return counts.refused;
    },
    get followed() {
      return counts.followed;
    },
    get misread() {
      return counts.misread;
    },
    done,
  };
}

/** Jobs a second that end while there are always some more waiting. */
export async function measureCapacity(url: string, ms: number): Promise<number> {
  let submitted = 0;
  const topUpUntil = async (end: number): Promise<void> => {
    while (performance.now() < end) {
      const missing = Math.min(DEPTH - (await unfinished(url)), LARGEST_BATCH);
      const specs = Array.from({ length: Math.max(0, missing) }, (_, i) => specAt(submitted + i));
      submitted += (await submitAll(url, specs))?.length ?? 0;
    }
  };
  await topUpUntil(performance.now() + WARM_UP_MS);
  const before = submitted - (await unfinished(url));
  const startedAt = performance.now();
  await topUpUntil(startedAt + ms);
  const ended = submitted - (await unfinished(url)) - before;
  return ended / ((performance.now() - startedAt) / 1_000);
}

export async function unfinished(url: string): Promise<number> {
  const { jobs } = await demand<Stats>(`${url}/v1/stats`, "GET");
  return jobs.queued + jobs.running;
}

/** Their ids; undefined when they were refused. */
async function submitAll(url: string, jobs: readonly JobSpec[]): Promise<string[] | undefined> {
  if (jobs.length === 0) return [];
  const { status, body } = await ask<{ jobs: { id: string }[] }>(`${url}/v1/jobs/batch`, "POST", {
    jobs,
  });
  return status < 300 ? body.jobs.map(({ id }) => id) : undefined;
}
