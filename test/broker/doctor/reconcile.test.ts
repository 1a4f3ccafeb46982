import { afterAll, expect, it } from "vitest";

import { createApi } from "../../../src/client/api.ts";
import { reconcile, type Reconciliation } from "../../../src/cli/doctor/reconcile.ts";
import type { Board } from "../../../src/scheduler/core/board.ts";
import { newJobId, startHttpLab, WORKER } from "../http/http-lab.ts";

const lab = await startHttpLab();
afterAll(() => lab[Symbol.asyncDispose]());

const run = (repair = false): Promise<Reconciliation> =>
  reconcile({
    api: createApi(lab.first.url),
    natsUrl: lab.server.url,
    prefix: undefined,
    repair,
    betweenMs: 300,
  });

it("agrees with a server whose jobs wait, run and have ended", async () => {
  await lab.beat();
  await lab.submit({ command: ["true"], queue: "slow" });
  await lab.start(await lab.submit());
  const over = await lab.submit();
  await lab.start(over);
  await lab.finish(over);
  const { compared, ...found } = await run();
  expect(found).toEqual({ differences: [], leftovers: [], cleared: [] });
  expect(compared).toBeGreaterThan(12);
});

it("tells of cancel requests that are left over, and clears them only when asked to", async () => {
  const over = await lab.submit();
  await lab.start(over);
  await lab.finish(over);
  const stray = newJobId();
  const intent = { v: 1, at: Date.now(), actor: "api", reason: "asked" } as const;
  for (const job of [over, stray]) await lab.store.requestCancel(job, intent);

  const leftovers = expect.arrayContaining([over, stray]);
  expect(await run()).toMatchObject({ leftovers, cleared: [] });
  expect(await run(true)).toMatchObject({ leftovers, cleared: leftovers });
  expect(await run()).toMatchObject({ leftovers: [], cleared: [] });
});

it("names each point in which a server has lost the thread", async () => {
  const job = await lab.submit({ command: ["true"], queue: "lost" });
  const board = lab.first.view as Board;
  board.assigned({ job, attempt: 1, seq: board.get(job)!.seq }, WORKER, 1, Date.now());
  const { differences } = await run();
  const said = new Map(differences.map(({ what, server, records }) => [what, [server, records]]));
  expect(said.get("queue lost queued")).toEqual([0, 1]);
  expect(said.get("queue lost running")).toEqual([1, 0]);
  expect(said.get(`worker ${WORKER} slots used`)).toEqual([2, 1]);
  // the record itself is right, and the server reads it for every answer
  expect(said.get(`job ${job}`)).toEqual([`running, attempt 1 on ${WORKER}`, "queued, attempt 0"]);
  expect(differences.every(({ what }) => !what.startsWith("queue default"))).toBe(true);
});
