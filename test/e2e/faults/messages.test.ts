// Single messages that are lost: rows 17 and 18 of the fault table. Each test has a worker of its own, so that they run beside each other.
import { afterAll, beforeAll, expect, it } from "vitest";

import type { JobSpec } from "../../../src/shared/spec.ts";
import { startBroker, type TestBroker } from "../../lab/broker.ts";
import { startLab, type Lab, type LabWorker } from "../../lab/lab.ts";
import { startProxy, type Judge, type Proxy } from "../../lab/proxy.ts";
import { until } from "../../lab/until.ts";
import { openNotebook, openWitness, shell, type Notebook, type Witness } from "./witness.ts";

let broker: TestBroker;
/** Before the scheduler, which leads. */
let leader: Proxy;
/** What passes there is what all of them let through. */
const leaderJudges: Judge[] = [];
let lab: Lab;
let witness: Witness;
let book: Notebook;
beforeAll(async () => {
  book = await openNotebook();
  broker = await startBroker();
  leader = await startProxy(broker);
  leader.filter((...message) => leaderJudges.every((judge) => judge(...message)));
  lab = await startLab({ on: broker, schedulers: 0, workers: [] });
  await lab.addScheduler({ nats: leader.url });
  witness = await openWitness(broker.url);
});
afterAll(async () => {
  for (const one of [witness, lab, leader, broker, book]) await one[Symbol.asyncDispose]();
});

/** A worker behind a proxy. */
type Stand = AsyncDisposable & {
  readonly worker: LabWorker;
  readonly proxy: Proxy;
  /** Submits a job that runs here and nowhere else. */
  submit(spec: JobSpec): Promise<string>;
  /** Waits for the job to succeed and looks whether it was started once. */
  expectOneRun(id: string): Promise<void>;
};

async function openStand(): Promise<Stand> {
  const proxy = await startProxy(broker);
  const worker = await lab.addWorker({ nats: proxy.url });
  return {
    worker,
    proxy,
    submit: (spec) => lab.submit({ ...spec, worker: worker.id }),
    async expectOneRun(id) {
      await lab.until(id, "succeeded");
      await until(async () => (await witness.heldBy(worker.id)) === 0, "the worker to be sure");
      expect(worker.stderr()).not.toContain("attempt_dropped");
      expect((await witness.record(id)).attempts).toMatchObject([{ number: 1, outcome: "exited" }]);
      expect(book.lines().filter((line) => line === `${id} 1 runs`)).toHaveLength(1);
      expect(await witness.assignedTwice()).toEqual([]);
    },
    async [Symbol.asyncDispose]() {
      await worker.kill("SIGKILL");
      await proxy[Symbol.asyncDispose]();
    },
  };
}

type Loss = { of: RegExp; what: "message" | "answer" };

/** Loses the first messages of a kind that go towards the broker, or the broker's answers to them; tells how many so far. */
function createLoss({ of, what }: Loss, count = 1): { judge: Judge; lost(): number } {
  const answers = new Set<string>();
  let lost = 0;
  return {
    lost: () => lost,
    judge({ subject, reply }, direction) {
      if (direction === "in") return !answers.delete(subject);
      if (lost === count || !of.test(subject) || reply === undefined) return true;
      lost += 1;
      if (what === "message") return false;
      answers.add(reply);
      return true;
    },
  };
}

const brief = () => ({ command: shell(book.note("runs")) });
/** Long enough for its start to be recorded. */
const long = () => ({ command: shell(book.note("runs"), "sleep 0.6") });

/** Loses the next push of an assignment to the worker; tells how many so far. */
function losePush({ proxy }: Stand): () => number {
  let lost = 0;
  proxy.filter(({ subject }, direction) => {
    const isPush = direction === "in" && subject.startsWith("mr.cmd.") && lost === 0;
    if (isPush) lost += 1;
    return !isPush;
  });
  return () => lost;
}

it.concurrent("row 17: an assignment that is stored but never pushed is missed by the leader, found by its worker and started once", async () => {
  await using stand = await openStand();
  const lost = losePush(stand);
  await stand.expectOneRun(await stand.submit(brief()));
  expect(lost()).toBe(1);
  // else it would have been found by the worker's own slow look
  expect(lab.schedulers[0]!.stderr()).toContain(`"reminded","worker":"${stand.worker.id}"`);
});

it.concurrent("row 17: an assignment that is stored but never pushed is not passed over when the next one arrives", async () => {
  await using stand = await openStand();
  const lost = losePush(stand);
  const first = await stand.submit(brief());
  await until(() => lost() === 1, "the push to be lost");
  const second = await stand.submit(brief());
  for (const id of [first, second]) await stand.expectOneRun(id);
});

it.concurrent.each(["answer", "message"] as const)(
  "row 17: an assignment whose %s is lost on the leader's way is made good: one run, one end",
  async (what) => {
    await using stand = await openStand();
    const { judge, lost } = createLoss({
      of: new RegExp(`^mr\\.assign\\.${stand.worker.id}$`),
      what,
    });
    leaderJudges.push(judge);
    await stand.expectOneRun(await stand.submit(brief()));
    expect(lost()).toBe(1);
  },
);

it.concurrent.each([
  ["row 17: a start", "answer", long],
  ["row 17: a start", "message", long],
  ["row 18: a result", "answer", brief],
  ["row 18: a result", "message", brief],
] as const)(
  "%s whose %s is lost on the worker's way is made good: one run, one end",
  async (_event, what, spec) => {
    await using stand = await openStand();
    const { judge, lost } = createLoss({ of: /^mr\.job\./, what });
    stand.proxy.filter(judge);
    await stand.expectOneRun(await stand.submit(spec()));
    expect(lost()).toBe(1);
  },
);

it.concurrent("row 18: what the program wrote is stored once although answers to its chunks are lost", async () => {
  await using stand = await openStand();
  const { judge, lost } = createLoss({ of: /^mr\.log\./, what: "answer" }, 2);
  stand.proxy.filter(judge);
  const id = await stand.submit({
    command: shell(book.note("runs"), "echo one; sleep 0.3; echo two"),
  });
  await stand.expectOneRun(id);
  expect(lost()).toBe(2);
  expect(await lab.output(id)).toBe("one\ntwo\n");
});
