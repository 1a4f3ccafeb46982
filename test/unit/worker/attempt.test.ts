// Nothing starts that another worker may have been given while this one stood still.
import { expect, test, vi } from "vitest";

import { systemClock } from "../../../src/shared/io/clock.ts";
import { silentLog } from "../../../src/shared/io/log.ts";
import { newJob } from "../../../src/shared/job-machine.ts";
import { carryOut, type AttemptDeps } from "../../../src/worker/attempt.ts";
import { createHandlerRunner } from "../../../src/worker/handlers/handler-runner.ts";
import { Holding } from "../../../src/worker/holding.ts";
import { createWorkerMetrics } from "../../../src/worker/metrics.ts";
import { createSlots } from "../../../src/worker/slots.ts";
import { StopSign } from "../../../src/worker/stop-sign.ts";

const ASSIGNED_AT = 7;
const record = newJob("job00000000000000001", { handler: "touch" }, 0);

/** An attempt whose worker stands still between its preparations and its start; `seq` is the record's when it goes on. */
async function standStill(seq: number) {
  const ran = vi.fn<() => undefined>();
  const write = vi.fn<AttemptDeps["store"]["write"]>(() => Promise.resolve(record as never));
  const slots = createSlots(1);
  const never = new AbortController().signal;
  let isDoubtful = false;
  const handlers = createHandlerRunner({
    handlers: new Map([["touch", { name: "touch", run: ran }]]),
    workerId: "w",
    clock: systemClock,
    kill: never,
  });
  const holding = new Holding({ record, attempt: 1, seq: ASSIGNED_AT }, 0);
  await carryOut(holding, {
    workerId: "w",
    clock: systemClock,
    random: () => 0,
    store: { read: () => Promise.resolve({ record, seq } as never), write },
    shipper: {
      open: () => ({
        write: () => undefined,
        close: () => Promise.resolve({ stdout: 0, stderr: 0, chunks: 0, dropped: 0 }),
        abandon: () => undefined,
      }),
    },
    runner: {
      async run(request) {
        isDoubtful = true;
        const artifacts = { add: () => Promise.resolve(true), collect: () => Promise.resolve() };
        return handlers.run("touch", { ...request, artifacts });
      },
    },
    slots,
    standing: { confirm: () => undefined, confirmedAt: 0, isDoubtful: () => isDoubtful },
    metrics: createWorkerMetrics({ slots, held: () => 0, registered: () => true }),
    log: silentLog,
    onProgress: () => undefined,
    onGuarded: () => undefined,
    closed: never,
    giveUp: never,
    givenUp: new StopSign<unknown>(),
  });
  return { ran, write, holding };
}

test("an attempt that was given to another meanwhile is not started, and its record is left alone", async () => {
  const { ran, write, holding } = await standStill(ASSIGNED_AT + 1);
  expect(ran).not.toHaveBeenCalled();
  expect(write).not.toHaveBeenCalled();
  expect(holding.stopReason).toBe("superseded");
});

test("one that still stands is", async () => {
  const { ran, holding } = await standStill(ASSIGNED_AT);
  expect(ran).toHaveBeenCalledOnce();
  expect(holding.stopReason).toBeUndefined();
});
