// Single messages that are lost: rows 17 and 18 of the fault table.
import { afterAll, beforeAll, expect, it } from "vitest";

import { startBroker, type TestBroker } from "../../lab/broker.ts";
import { startLab, type Lab, type LabWorker } from "../../lab/lab.ts";
import { startProxy, type Proxy } from "../../lab/proxy.ts";
import { until } from "../../lab/until.ts";
import { openNotebook, openWitness, shell, type Notebook, type Witness } from "./witness.ts";

let broker: TestBroker;
/** Before the scheduler, which leads, and before the worker. */
let leader: Proxy;
let worker: Proxy;
let lab: Lab;
let witness: Witness;
let book: Notebook;
beforeAll(async () => {
  book = await openNotebook();
  broker = await startBroker();
  [leader, worker] = await Promise.all([startProxy(broker), startProxy(broker)]);
  lab = await startLab({ on: broker, schedulers: 0, workers: [] });
  await lab.addScheduler({ nats: leader.url });
  await lab.addWorker({ nats: worker.url });
  witness = await openWitness(broker.url);
});
afterAll(async () => {
  for (const one of [witness, lab, leader, worker, broker, book]) await one[Symbol.asyncDispose]();
});

type Loss = { of: RegExp; what: "message" | "answer" };

/** Loses the first messages of a kind that go towards the broker, or the broker's answers to them; tells how many so far. */
function lose(proxy: Proxy, { of, what }: Loss, count = 1): () => number {
  const answers = new Set<string>();
  let lost = 0;
  proxy.filter(({ subject, reply }, direction) => {
    if (direction === "in") return !answers.delete(subject);
    if (lost === count || !of.test(subject) || reply === undefined) return true;
    lost += 1;
    if (what === "message") return false;
    answers.add(reply);
    return true;
  });
  return () => lost;
}

async function expectOneRun(id: string): Promise<void> {
  const [own] = lab.workers as [LabWorker];
  await lab.until(id, "succeeded");
  await until(async () => (await witness.heldBy(own.id)) === 0, "the worker to be sure of it");
  expect(own.stderr()).not.toContain("attempt_dropped");
  expect((await witness.record(id)).attempts).toMatchObject([{ number: 1, outcome: "exited" }]);
  expect(book.lines().filter((line) => line === `${id} 1 runs`)).toHaveLength(1);
  expect(await witness.assignedTwice()).toEqual([]);
}

const brief = () => ({ command: shell(book.note("runs")) });
/** Long enough for its start to be recorded. */
const long = () => ({ command: shell(book.note("runs"), "sleep 0.6") });

/** Loses the next push of an assignment to the worker; tells how many so far. */
function losePush(): () => number {
  let lost = 0;
  worker.filter(({ subject }, direction) => {
    const isPush = direction === "in" && subject.startsWith("mr.cmd.") && lost === 0;
    if (isPush) lost += 1;
    return !isPush;
  });
  return () => lost;
}

it("row 17: an assignment that is stored but never pushed is found by its worker and started once", async () => {
  const lost = losePush();
  await expectOneRun(await lab.submit(brief()));
  expect(lost()).toBe(1);
});

it("row 17: an assignment that is stored but never pushed is not passed over when the next one arrives", async () => {
  const lost = losePush();
  const first = await lab.submit(brief());
  await until(() => lost() === 1, "the push to be lost");
  const second = await lab.submit(brief());
  for (const id of [first, second]) await expectOneRun(id);
});

it.each<[string, () => Proxy, Loss, () => object]>([
  [
    "row 17: an assignment whose answer is lost",
    () => leader,
    { of: /^mr\.assign\.worker/, what: "answer" },
    brief,
  ],
  [
    "row 17: an assignment that never reaches the broker",
    () => leader,
    { of: /^mr\.assign\.worker/, what: "message" },
    brief,
  ],
  [
    "row 17: a start whose answer is lost",
    () => worker,
    { of: /^mr\.job\./, what: "answer" },
    long,
  ],
  [
    "row 17: a start that never reaches the broker",
    () => worker,
    { of: /^mr\.job\./, what: "message" },
    long,
  ],
  [
    "row 18: a result whose answer is lost",
    () => worker,
    { of: /^mr\.job\./, what: "answer" },
    brief,
  ],
  [
    "row 18: a result that never reaches the broker",
    () => worker,
    { of: /^mr\.job\./, what: "message" },
    brief,
  ],
])(
  "%s is made good: one run, one end",
  async (_what, proxy, loss, spec) => {
    const lost = lose(proxy(), loss);
    await expectOneRun(await lab.submit(spec()));
    expect(lost()).toBe(1);
  },
  60_000,
);

it("row 18: what the program wrote is stored once although answers to its chunks are lost", async () => {
  const lost = lose(worker, { of: /^mr\.log\./, what: "answer" }, 2);
  const id = await lab.submit({
    command: shell(book.note("runs"), "echo one; sleep 0.3; echo two"),
  });
  await expectOneRun(id);
  expect(lost()).toBe(2);
  expect(await lab.output(id)).toBe("one\ntwo\n");
}, 60_000);
