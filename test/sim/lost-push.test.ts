// An assignment whose push is lost reaches its worker all the same, although no worker keeps asking for any.
import { expect, test } from "vitest";

import { silentLog } from "../../src/shared/io/log.ts";
import { ANYBODY } from "../../src/scheduler/auth/caller.ts";
import { createChronicle } from "./chronicle.ts";
import { createCrew } from "./crew.ts";
import { createRandom } from "./random.ts";
import { CALM } from "./scenario.ts";
import { createServer } from "./server.ts";
import type { Stage } from "./stage.ts";
import { installTime } from "./timers.ts";
import { HANDLER, type WorkerStation } from "./worker-station.ts";
import { createWorld } from "./world.ts";

const WARM_MS = 10_000;
const MINUTE_MS = 60_000;
/** Two looks of the leader, and some messages. */
const FOUND_WITHIN_MS = 2_100;
const SPEC = { handler: HANDLER, input: { ms: 1, fails: 0, deafMs: 0, lines: 0 } };

function openStage(): Stage {
  const world = createWorld();
  const random = createRandom(1);
  const chronicle = createChronicle(world);
  const server = createServer({ world, random, ...CALM, onStored: chronicle.stored });
  return { world, random, server, chronicle, replicas: 1, log: silentLog };
}

/** From here on the broker pushes it nothing. */
function deafen({ server }: Stage, { id }: WorkerStation): void {
  const pushes = [...server.subscriptions].find(({ subject }) => subject === `mr.cmd.${id}`);
  if (pushes === undefined) throw new Error(`${id} does not listen`);
  pushes.known = -1;
}

test("the leader tells a worker that shows no sign of an assignment to look", async () => {
  const stage = openStage();
  const { world, random, chronicle } = stage;
  using _time = installTime(world, random.fork());
  const crew = createCrew(stage);
  crew.hireScheduler();
  crew.hireWorker({ name: "w", slots: 1, labels: {} });
  await world.runUntil(WARM_MS);
  const [worker] = crew.workers();
  const [scheduler] = crew.schedulers();

  let reads = 0;
  const { broker } = worker!;
  const { last } = broker;
  broker.last = (...query) => {
    reads += 1;
    return last(...query);
  };
  await world.runUntil(world.now + MINUTE_MS);
  expect(reads).toBeLessThanOrEqual(2);

  deafen(stage, worker!);
  for (let round = 0; round < 2; round += 1) {
    const { size } = chronicle.states;
    scheduler!.enter(() => void scheduler!.submit(SPEC, ANYBODY));
    await world.runUntil(world.now + FOUND_WITHIN_MS);
    expect([...chronicle.states.values()]).toEqual(Array(size + 1).fill("succeeded"));
  }
});
