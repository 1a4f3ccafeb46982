// Workers cut off from the broker, both ways or one way only: row 3 of the fault table.
import { expect, it } from "vitest";

import type { WorkerView } from "../../lab/api.ts";
import { startBroker } from "../../lab/broker.ts";
import { startLab } from "../../lab/lab.ts";
import { startProxy, type Direction } from "../../lab/proxy.ts";
import { until } from "../../lab/until.ts";
import { openNotebook, openWitness, processesOf, shell, untilGone } from "./witness.ts";

const CUTS = {
  both: ["in", "out"],
  out: ["out"],
  in: ["in"],
} as const satisfies Record<string, Direction[]>;
type Cut = keyof typeof CUTS;
const cuts = Object.keys(CUTS) as Cut[];

it("row 3: a worker cut off both ways, on its way out or on its way in loses what it has; jobs that mind end on time", async () => {
  await using book = await openNotebook();
  await using broker = await startBroker();
  await using both = await startProxy(broker);
  await using out = await startProxy(broker);
  await using back = await startProxy(broker);
  const proxies = { both, out, in: back };
  const workers = cuts.map((cut) => ({
    name: `far-${cut}`,
    labels: { cut },
    nats: proxies[cut].url,
  }));
  await using lab = await startLab({ on: broker, workers });
  await using witness = await openWitness(broker.url);
  const farWorker = (cut: Cut) => lab.workers.find(({ id }) => id.startsWith(`far-${cut}-`))!.id;

  const submit = (cut: Cut, more: object) =>
    lab.submit({
      command: shell(
        `trap '${book.note("stopped")}; exit' TERM`,
        book.note("begins"),
        '[ "$MILLRACE_ATTEMPT" = 2 ] && exit 0',
        "sleep 600 & wait",
      ),
      require: [`cut in (${cut},none)`],
      ...more,
    });
  const jobs = await Promise.all(
    cuts.map(async (cut) => ({
      cut,
      minding: await submit(cut, { stopOnDisconnect: "2s" }),
      staying: await submit(cut, {}),
    })),
  );
  for (const { minding, staying } of jobs)
    for (const id of [minding, staying]) await witness.until(id, "running");
  await lab.addWorker({ name: "near", slots: 8, labels: { cut: "none" } });

  for (const cut of cuts) proxies[cut].hold(...CUTS[cut]);
  for (const { minding } of jobs) await book.untilNoted(new RegExp(`${minding} 1 stopped`));
  for (const { cut, minding, staying } of jobs) {
    for (const id of [minding, staying])
      expect((await lab.until(id, "succeeded")).attempts).toMatchObject([
        { worker: farWorker(cut), outcome: "worker_lost" },
        { outcome: "exited" },
      ]);
    const story = book.lines().filter((line) => line.startsWith(minding));
    expect(story).toEqual([`${minding} 1 begins`, `${minding} 1 stopped`, `${minding} 2 begins`]);
    // nobody can reach this one: it may overlap, which the job did not forbid
    expect(processesOf(staying).length).toBeGreaterThan(0);
  }

  for (const cut of cuts) proxies[cut].release();
  await untilGone(...jobs.map(({ staying }) => staying));
  for (const cut of cuts) {
    const view = () => lab.call<WorkerView>("GET", `/v1/workers/${farWorker(cut)}`);
    const isBack = async () => {
      const { status, slots } = await view();
      return status === "ready" && slots.free === 2;
    };
    await until(isBack, `the worker that was cut off (${cut}) to be of use again`, 30_000);
    const next = await lab.submit({ command: ["true"], worker: farWorker(cut) });
    expect((await lab.until(next, "succeeded")).attempts).toHaveLength(1);
  }
  for (const { staying } of jobs) {
    expect((await witness.record(staying)).attempts).toHaveLength(2);
  }
  expect(await witness.assignedTwice()).toEqual([]);
}, 120_000);
