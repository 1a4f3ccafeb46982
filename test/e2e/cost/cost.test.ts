// What each kind of work costs the broker, counted: a further write, read or delivery for each job fails here.
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { inParallel } from "../../../bench/lib/pace.ts";
import { connectSubmitter, type Submitter } from "../../../bench/lib/submitter.ts";
import { connect } from "../../../src/index.ts";
import type { JobSpec } from "../../../src/shared/spec.ts";
import { startLab, type Lab } from "../../lab/lab.ts";
import { freePorts } from "../../lab/ports.ts";
import { readLedger, spent, type Ledger } from "./ledger.ts";

const HANDLERS = fileURLToPath(new URL("handlers", import.meta.url));
const AT_ONCE = 20;
/** Heartbeats, leases and checks of the feeds go on beside the jobs: a fifth of a message for each job is theirs. */
const ASIDE = 0.2;

let lab: Lab;
let client: Submitter;
let monitor: string;

beforeAll(async () => {
  const [port] = await freePorts(1);
  monitor = `http://127.0.0.1:${port}`;
  lab = await startLab({
    broker: { http: `127.0.0.1:${port}` },
    workers: [{ slots: 8, handlers: HANDLERS }],
  });
  client = await connectSubmitter(lab.broker.url);
});

afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await lab[Symbol.asyncDispose]();
});

async function costOf(act: () => Promise<unknown>): Promise<Ledger> {
  const before = await readLedger(monitor);
  await act();
  return spent(before, await readLedger(monitor));
}

/** Runs the job so many times. */
async function costOfJobs(jobs: number, spec: JobSpec): Promise<Ledger> {
  await client.run(spec); // what is done once is not counted
  return costOf(() => inParallel(jobs, AT_ONCE, () => client.run(spec)));
}

const follow = async (id: string): Promise<string> =>
  (await fetch(`${lab.url}/v1/jobs/${id}/logs?follow=true`)).text();

const storedIn = (ledger: Ledger, stream: string): number => ledger.stored[stream] ?? 0;
const storedAnywhere = ({ stored }: Ledger): number =>
  Object.values(stored).reduce((sum, count) => sum + count, 0);

/** Messages towards the broker that stored nothing: reads, requests, words between the processes. */
const questionsIn = (ledger: Ledger): number => ledger.in.messages - storedAnywhere(ledger);

/** Everything that is stored is acknowledged, and goes to the scheduler and to one more reader. */
function expectNoMoreThanNeeded(ledger: Ledger, jobs: number): void {
  expect(questionsIn(ledger)).toBeLessThanOrEqual(jobs * ASIDE);
  expect(ledger.out.messages).toBeLessThanOrEqual(3 * storedAnywhere(ledger) + jobs * ASIDE);
}

describe("what the broker is asked", () => {
  it("by a handler job: two writes of its record and a share of an assignment", async () => {
    const jobs = 500;
    const ledger = await costOfJobs(jobs, { handler: "noop" });
    expect(storedIn(ledger, "MR_JOBS")).toBe(2 * jobs);
    expect(storedIn(ledger, "MR_ASSIGN")).toBeLessThanOrEqual(jobs);
    expect(storedIn(ledger, "MR_LOGS")).toBe(0);
    expectNoMoreThanNeeded(ledger, jobs);
    expect(ledger.in.bytes / jobs).toBeLessThan(1_400);
    expect(ledger.out.bytes / jobs).toBeLessThan(3_700);
  });

  it("by a command that prints nothing: no more", async () => {
    const jobs = 100;
    const ledger = await costOfJobs(jobs, { command: ["/bin/true"] });
    // one that a busy machine lets take a quarter of a second is recorded as running
    expect(storedIn(ledger, "MR_JOBS")).toBeLessThanOrEqual((2 + ASIDE) * jobs);
    expect(storedIn(ledger, "MR_LOGS")).toBe(0);
    expectNoMoreThanNeeded(ledger, jobs);
    expect(ledger.in.bytes / jobs).toBeLessThan(1_600);
  });

  it("by a command that prints a line: one more write, for the line and the end of the output", async () => {
    const jobs = 100;
    const ledger = await costOfJobs(jobs, { command: ["echo", "a line"] });
    expect(storedIn(ledger, "MR_JOBS")).toBeLessThanOrEqual((2 + ASIDE) * jobs);
    expect(storedIn(ledger, "MR_LOGS")).toBeLessThanOrEqual((1 + ASIDE) * jobs);
    expectNoMoreThanNeeded(ledger, jobs);
    expect(ledger.in.bytes / jobs).toBeLessThan(2_000);
  });

  it("by run() of the library: the submission and its answer, and no read", async () => {
    const jobs = 50;
    await using millrace = await connect({ url: lab.url, nats: lab.broker.url });
    await millrace.run("noop", null); // what is done once is not counted
    const ledger = await costOf(() => inParallel(jobs, 1, () => millrace.run("noop", null)));
    expect(storedIn(ledger, "MR_JOBS")).toBe(2 * jobs);
    // a read would be a third; one after the other they take long enough for some checks of the feeds
    expect(questionsIn(ledger)).toBeLessThanOrEqual(2.5 * jobs);
  });

  it("by a batch over HTTP: one write for each job and no read", async () => {
    const jobs = 200;
    const spec = { command: ["true"], require: ["place=nowhere"] };
    const batch = { jobs: Array.from({ length: jobs }, () => spec) };
    const ledger = await costOf(() => lab.call("POST", "/v1/jobs/batch", batch));
    expect(storedIn(ledger, "MR_JOBS")).toBe(jobs);
    expectNoMoreThanNeeded(ledger, jobs);
    expect(ledger.in.bytes / jobs).toBeLessThan(400);
  });

  it("by a flood of output: long messages, not many", async () => {
    const bytes = 30_000_000;
    const ledger = await costOf(async () => {
      const id = await lab.submit({ command: ["head", "-c", String(bytes), "/dev/zero"] });
      expect(await follow(id)).toHaveLength(bytes);
    });
    expect(bytes / storedIn(ledger, "MR_LOGS")).toBeGreaterThan(150_000);
  });

  it("by five followers of an output: each chunk once, as by one", async () => {
    const lines = 100;
    const ledger = await costOf(async () => {
      const id = await lab.submit({ handler: "chatter", input: lines, delay: "1s" });
      const texts = await Promise.all(Array.from({ length: 5 }, () => follow(id)));
      for (const text of texts) expect(text.split("\n")).toHaveLength(lines + 1);
    });
    expect(storedIn(ledger, "MR_LOGS")).toBeLessThanOrEqual(lines + 1);
    expect(ledger.out.messages).toBeLessThanOrEqual(2 * storedIn(ledger, "MR_LOGS") + lines);
  });
});
