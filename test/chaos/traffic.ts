// The callers of a run: they submit what is planned, repeat what may have been lost, cancel and try again.
import { setTimeout as delay } from "node:timers/promises";

import { pause } from "../../src/shared/io/lifecycle.ts";
import type { JobRecord } from "../../src/shared/job.ts";
import { cancelJob, retryJob, submitJob, type Reply } from "./api.ts";
import type { Observation } from "./checker/history.ts";
import type { PlannedJob } from "./plan/jobs.ts";
import { createRandom } from "./plan/random.ts";

export type Traffic = {
  /** Resolves when every planned job was submitted and nobody wants anything more. */
  readonly done: Promise<void>;
  /** Some callers want to try a failed job again. */
  onFinal(record: JobRecord): void;
};

export type TrafficOptions = {
  plan: readonly PlannedJob[];
  urls: readonly string[];
  seed: number;
  note(seen: Observation): void;
  signal: AbortSignal;
};

/** Thousands of callers may wait while nobody answers; they must leave this process time for its links. */
const REPEAT_MS = { least: 500, most: 4_000 };
const SUBMITTING = 32;
const MAX_REPEATS = 100;

export function startTraffic(options: TrafficOptions): Traffic {
  const { plan, urls, note, signal } = options;
  const random = createRandom(options.seed + 2);
  const startedAt = Date.now();
  const toRetry = new Set(plan.filter(({ retryByHand }) => retryByHand).map(({ ref }) => ref));
  const busy = new Set<Promise<void>>();

  function begin(act: Promise<void>): void {
    const tracked: Promise<void> = act.finally(() => busy.delete(tracked));
    busy.add(tracked);
  }

  /** Asks any scheduler, and others again, until one answers. */
  async function insist(ask: (url: string) => Promise<Reply>): Promise<Reply> {
    for (let repeats = 0; ; repeats += 1) {
      const reply = await ask(random.pick(urls));
      if (reply.answer !== "unknown" || repeats >= MAX_REPEATS || signal.aborted) return reply;
      await pause(Math.min(REPEAT_MS.least * 2 ** repeats, REPEAT_MS.most), signal);
    }
  }

  async function submitOnce({ ref, spec, key }: PlannedJob, url: string): Promise<Reply> {
    const reply = await submitJob(url, spec, key);
    note({ kind: "submit", at: Date.now(), ref, ...(key === undefined ? {} : { key }), ...reply });
    return reply;
  }

  let submitting = 0;
  const queue: (() => void)[] = [];

  /** Waits for its turn, which lasts until there is an answer. Without a key, one that was lost must not be asked for again. */
  async function submit(job: PlannedJob): Promise<Reply> {
    if (submitting >= SUBMITTING) await new Promise<void>((resolve) => queue.push(resolve));
    else submitting += 1;
    try {
      if (job.key === undefined) return await submitOnce(job, random.pick(urls));
      return await insist((url) => submitOnce(job, url));
    } finally {
      const next = queue.shift();
      if (next === undefined) submitting -= 1;
      else next();
    }
  }

  async function live(planned: PlannedJob): Promise<void> {
    await pause(Math.max(0, startedAt + planned.atMs - Date.now()), signal);
    const replies = await Promise.all(
      Array.from({ length: planned.copies }, () => submit(planned)),
    );
    const job = replies.find(({ answer }) => answer === "accepted")?.job;
    if (job === undefined || planned.cancelAfterMs === undefined) return;
    await delay(planned.cancelAfterMs);
    const reply = await insist((url) => cancelJob(url, job));
    note({ kind: "cancel", at: Date.now(), ...reply, job });
  }

  async function tryAgain(job: string): Promise<void> {
    const { answer } = await retryJob(random.pick(urls), job);
    note({ kind: "retry", at: Date.now(), job, answer });
  }

  async function settle(): Promise<void> {
    await Promise.all(plan.map(live));
    while (busy.size > 0) await Promise.all(busy);
  }

  return {
    done: settle(),
    onFinal({ id, state, spec }) {
      const ref = spec.labels?.["ref"] ?? "";
      if (state === "succeeded" || state === "expired" || !toRetry.delete(ref)) return;
      begin(tryAgain(id));
    },
  };
}
