// Those who submit jobs, cancel them and try them again, over whichever scheduler they reach.
import { ANYBODY } from "../../src/scheduler/auth/caller.ts";
import { hasCode, type MillraceError } from "../../src/shared/errors.ts";
import type { Answer, CancelSeen, RetrySeen, SubmitSeen } from "../chaos/checker/history.ts";
import type { Crew } from "./crew.ts";
import type { Errand } from "./scenario.ts";
import type { SchedulerStation } from "./scheduler-station.ts";
import type { Stage } from "./stage.ts";
import type { Host } from "./world.ts";

export type Callers = {
  /** Sends the errand at its time, and what follows from it. */
  run(errand: Errand): void;
  /** True when nothing is to be sent any more and every answer that can come has come. */
  isIdle(): boolean;
};

/** What was asked, completed when the answer comes. */
type Asked = { at: number; answer: Answer; code?: string; job?: string };

const NOT_YET_MS = 200;

export function createCallers(stage: Stage, crew: Crew): Callers {
  const { world, random, chronicle } = stage;
  /** Who was asked and may still answer. */
  const waiting = new Map<Asked, Host>();
  let planned = 0;

  function plan(delayMs: number, act: () => void): void {
    planned += 1;
    world.after(
      delayMs,
      () => {
        planned -= 1;
        act();
      },
      world.outside,
    );
  }

  /** One request to one scheduler that is ready. */
  function call(asked: Asked, act: (scheduler: SchedulerStation) => Promise<void>): void {
    const ready = crew.schedulers().filter(({ replica }) => replica.isWarm());
    if (ready.length === 0) return plan(NOT_YET_MS, () => call(asked, act));
    const scheduler = random.pick(ready);
    waiting.set(asked, scheduler.host);
    scheduler.enter(() => {
      act(scheduler).then(
        () => answer(asked, "accepted"),
        (error: MillraceError) =>
          answer(asked, hasCode(error, "broker_unavailable") ? "unknown" : "refused", error.code),
      );
    });
  }

  function answer(asked: Asked, how: Answer, code?: string): void {
    waiting.delete(asked);
    Object.assign(asked, { at: chronicle.now(), answer: how, ...(code ? { code } : {}) });
  }

  function submit(errand: Errand): void {
    const { spec, key } = errand;
    const seen = chronicle.note<SubmitSeen>({
      kind: "submit",
      at: chronicle.now(),
      ref: spec.labels?.["ref"] ?? "",
      answer: "unknown",
      ...(key === undefined ? {} : { key }),
    });
    call(seen, async (scheduler) => {
      const { record } = await scheduler.submit(spec, ANYBODY, key);
      Object.assign(seen, { job: record.id });
      followUp(record.id, errand);
    });
  }

  function followUp(job: string, { cancelMs, retryMs }: Errand): void {
    const ask = (kind: "cancel" | "retry") => {
      const at = chronicle.now();
      const seen = chronicle.note<CancelSeen | RetrySeen>(
        kind === "cancel"
          ? { kind, askedAt: at, at, job, answer: "unknown" }
          : { kind, at, job, answer: "unknown" },
      );
      call(seen, async ({ actions }) => {
        await (kind === "cancel"
          ? actions.cancel(job, "No longer wanted.", ANYBODY.name)
          : actions.retry(job, ANYBODY));
      });
    };
    if (cancelMs !== undefined) plan(cancelMs, () => ask("cancel"));
    if (retryMs !== undefined) plan(retryMs, () => ask("retry"));
  }

  return {
    run(errand) {
      plan(errand.at, () => submit(errand));
      if (errand.againMs !== undefined) plan(errand.at + errand.againMs, () => submit(errand));
    },
    isIdle: () => planned === 0 && [...waiting.values()].every(({ alive }) => !alive),
  };
}
