// Schedules with real processes: they fire on the second, do what their rules say, and outlive leaders and restarts.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

import { demand, type JobView, type ScheduleEvent, type ScheduleView } from "../lab/api.ts";
import { startLab, type Lab } from "../lab/lab.ts";
import { until } from "../lab/until.ts";
import { MILLRACE } from "./dev.ts";
import { consoleBlocks, fillIn, normalise } from "./readme/console-blocks.ts";
import { openShell } from "./readme/shell.ts";

const FULL = process.env["FULL"] === "1";
const KILLS = FULL ? 10 : 2;
const handlers = fileURLToPath(new URL("handlers", import.meta.url));

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const documented = consoleBlocks(readFileSync(`${ROOT}/docs/schedules.md`, "utf8")).flat();

let lab: Lab;
beforeAll(async () => {
  lab = await startLab({
    schedulers: 3,
    workers: [{ slots: 8, handlers }],
  });
});
afterAll(() => lab[Symbol.asyncDispose]());

const put = (name: string, schedule: object) =>
  lab.call<ScheduleView>("PUT", `/v1/schedules/${name}`, schedule);
const get = (name: string) => lab.call<ScheduleView>("GET", `/v1/schedules/${name}`);

/** Everything that a schedule did so far. */
async function eventsOf(name: string): Promise<ScheduleEvent[]> {
  const found: ScheduleEvent[] = [];
  for (let cursor = ""; ;) {
    const query = cursor === "" ? "" : `?cursor=${cursor}`;
    const page = await lab.call<{ events: ScheduleEvent[]; next: string }>(
      "GET",
      `/v1/schedules/${name}/events${query}`,
    );
    if (page.events.length === 0) return found;
    found.push(...page.events);
    cursor = page.next;
  }
}

const untilEvent = (
  name: string,
  what: string,
  matches: (event: ScheduleEvent) => boolean = () => true,
) =>
  until(
    async () => (await eventsOf(name)).find((one) => one.what === what && matches(one)),
    `${name} to have ${what}`,
    30_000,
  );

it(
  `fires each instant once while ${KILLS} leaders die, and forgets none`,
  { timeout: FULL ? 600_000 : 120_000 },
  async () => {
    await put("each-second", {
      cron: "* * * * * *",
      overlap: "allow",
      spec: { command: ["true"] },
    });
    await put("paused", { every: "1s", spec: { command: ["true"] } });
    await lab.call("POST", "/v1/schedules/paused/pause");
    for (let kill = 0; kill < KILLS; kill += 1) {
      const { counts } = await get("each-second");
      await until(async () => (await get("each-second")).counts.fired > counts.fired + 2, "fires");
      await (await lab.leader()).kill("SIGKILL");
      await lab.addScheduler({ args: ["--lease=1s"] });
      await lab.leader();
    }
    const { counts } = await get("each-second");
    await until(async () => (await get("each-second")).counts.fired > counts.fired + 2, "fires");
    await lab.call("POST", "/v1/schedules/each-second/pause");

    const events = await until(async () => {
      const found = await eventsOf("each-second");
      const { counts: now } = await get("each-second");
      const told = found.filter(({ what }) => what === "fired").length;
      return told === now.fired ? found : undefined;
    }, "everything to be told");
    const fired = events.filter(({ what }) => what === "fired");
    const instants = fired.map(({ instant }) => Date.parse(instant!));
    // every second from the first to the last one, each of them once
    expect(instants).toEqual(instants.map((_, i) => instants[0]! + i * 1_000));
    expect(instants.length).toBeGreaterThan(2 * KILLS);
    for (const { run, instant } of fired) {
      const job = await lab.until(run!, "succeeded");
      expect(job.spec.env).toEqual({
        MILLRACE_SCHEDULE: "each-second",
        MILLRACE_SCHEDULED_AT: instant,
      });
      expect(job.attempts).toHaveLength(1);
    }
    expect(new Set(fired.map(({ run }) => run)).size).toBe(fired.length);
    const { paused, counts: none } = await get("paused");
    expect(paused?.actor).toBe("api");
    expect(none.fired).toBe(0);
  },
);

it("says what a paused schedule skipped, also when all are paused", async () => {
  await put("quiet", { cron: "* * * * * *", overlap: "allow", spec: { command: ["true"] } });
  await untilEvent("quiet", "fired");
  await lab.call("PUT", "/v1/schedules-paused", { paused: true });
  expect(await lab.call("GET", "/v1/schedules-paused")).toMatchObject({ paused: true });
  await lab.call("POST", "/v1/schedules/quiet/pause");
  const { run } = await lab.call<{ run: string }>("POST", "/v1/schedules/quiet/trigger");
  await lab.until(run, "succeeded");
  await lab.call("POST", "/v1/schedules/quiet/resume");
  const second = Math.floor(Date.now() / 1_000);
  await until(() => Math.floor(Date.now() / 1_000) > second, "an instant to pass");
  await lab.call("PUT", "/v1/schedules-paused", { paused: false });
  const skip = await untilEvent("quiet", "skipped");
  expect(skip.reason).toMatch(/^api paused (?:all schedules|the schedule)\.$/);
  await lab.call("DELETE", "/v1/schedules/quiet");
});

it("does not overlap unless it may: skips, queues or replaces", { timeout: 90_000 }, async () => {
  const spec = { command: ["sleep", "600"], grace: "1s" };
  for (const overlap of ["skip", "queue", "replace"])
    await put(overlap, { cron: "* * * * * *", overlap, spec });
  const skip = await untilEvent("skip", "skipped");
  expect(skip.reason).toBe("The run before it is still on.");
  const first = (await untilEvent("queue", "fired")).run!;
  await until(async () => (await get("queue")).waiting > 1, "instants to wait");
  await lab.until(first, "running");
  await lab.call("POST", `/v1/jobs/${first}/cancel`);
  const second = await untilEvent("queue", "fired", ({ run }) => run !== first);
  const replaced = (await untilEvent("replace", "fired")).run!;
  await lab.until(replaced, "cancelled");
  await untilEvent("replace", "fired", ({ run }) => run !== replaced);
  const timeline = await lab.call<{ events: { actor?: string }[] }>(
    "GET",
    `/v1/jobs/${second.run}/events`,
  );
  expect(timeline.events).not.toHaveLength(0);
  for (const overlap of ["skip", "queue", "replace"])
    await lab.call("DELETE", `/v1/schedules/${overlap}`);
  const { jobs } = await lab.call<{ jobs: JobView[] }>("GET", "/v1/jobs?state=running");
  // one may end by itself meanwhile
  await Promise.allSettled(jobs.map(({ id }) => lab.call("POST", `/v1/jobs/${id}/cancel`)));
});

it("runs the past on request, each instant once", async () => {
  await put("daily", { cron: "@daily", zone: "Europe/Berlin", spec: { command: ["true"] } });
  const range = { from: "2026-03-28T00:00:00Z", to: "2026-03-31T00:00:00Z" };
  for (let time = 0; time < 2; time += 1)
    expect(await lab.call("POST", "/v1/schedules/daily/backfill", range)).toEqual({ instants: 3 });
  const last = await untilEvent("daily", "fired", ({ instant }) => instant! > "2026-03-30");
  const fired = (await eventsOf("daily")).filter(({ what }) => what === "fired");
  expect([...new Set(fired.map(({ instant }) => instant))]).toEqual([
    "2026-03-28T23:00:00.000Z",
    "2026-03-29T22:00:00.000Z",
    "2026-03-30T22:00:00.000Z",
  ]);
  expect(new Set(fired.map(({ run }) => run)).size).toBe(3);
  await lab.until(last.run!, "succeeded");
});

it("keeps to its calendar, and follows when that changes", async () => {
  const set = (calendar: object) => lab.call("PUT", "/v1/calendars/workdays", calendar);
  const today = [-1, 0, 1].map((days) => new Date(Date.now() + days * 86_400_000).toISOString());
  await set({ dates: today.map((instant) => instant.slice(0, 10)) });
  await put("office", { cron: "* * * * * *", calendar: "workdays", spec: { command: ["true"] } });
  expect(Date.parse((await get("office")).next!)).toBeGreaterThan(Date.now() + 86_400_000);
  expect((await get("office")).counts.fired).toBe(0);
  await set({});
  await lab.until((await untilEvent("office", "fired")).run!, "succeeded");
  await lab.call("DELETE", "/v1/schedules/office");
  await lab.call("DELETE", "/v1/calendars/workdays");
});

it("does what the document shows", { timeout: 90_000 }, async () => {
  const setup = `cd '${ROOT}'; npx() { shift; '${process.execPath}' '${MILLRACE}' "$@"; }`;
  const { url } = await lab.leader();
  await using shell = await openShell(setup, { MILLRACE_URL: url, NO_COLOR: undefined });
  for (const { command, expected } of documented) {
    const printed = normalise(await shell.run(command));
    const shown = fillIn(normalise(expected), printed);
    expect({ command, printed }).toEqual({ command, printed: shown });
  }
});

it("runs a definition with its parameters: one step as a job, several as a group", async () => {
  const greet = { command: ["echo", "hello ${who}"] };
  const properties = { who: { type: "string" } };
  const parameters = { type: "object", properties };
  await lab.call("PUT", "/v1/definitions/greet", { parameters, spec: greet });
  const steps = [
    { name: "one", spec: greet },
    { name: "two", spec: greet, needs: ["one"] },
  ];
  await lab.call("PUT", "/v1/definitions/greet-twice", { parameters, steps });
  const rule = { cron: "@daily", params: { who: "the world" } };

  await put("greeting", { ...rule, definition: "greet" });
  const { run } = await lab.call<{ run: string }>("POST", "/v1/schedules/greeting/trigger");
  await lab.until(run, "succeeded");
  expect(await lab.output(run)).toBe("hello the world\n");

  await put("greetings", { ...rule, definition: "greet-twice" });
  const { run: group } = await lab.call<{ run: string }>("POST", "/v1/schedules/greetings/trigger");
  const ended = await lab.call<{ state: string }>("GET", `/v1/groups/${group}?wait=30s`);
  expect(ended.state).toBe("succeeded");
  const { nextRunAt } = await lab.call<{ nextRunAt?: string }>("GET", "/v1/definitions/greet");
  expect(nextRunAt).toBe((await get("greeting")).next);

  await expect(put("greeting", { ...rule, definition: "nobody" })).rejects.toThrow(
    "there is no definition nobody",
  );
});

it("tells a handler which schedule fired for which instant, and the job's view too", async () => {
  await put("told", { cron: "@yearly", spec: { handler: "place" } });
  const { run, at } = await lab.call<{ run: string; at: string }>(
    "POST",
    "/v1/schedules/told/trigger",
  );
  const { origin } = await lab.until(run, "succeeded");
  expect(origin).toEqual({ schedule: { name: "told", at } });
  expect(await lab.output(run)).toBe(`told at ${at}\n`);
});

it("submits what a generator returns, and goes on after one that fails", async () => {
  await put("fans", { cron: "@yearly", generator: { handler: "fan", input: { count: 3 } } });
  const { run } = await lab.call<{ run: string }>("POST", "/v1/schedules/fans/trigger");
  await lab.until(run, "succeeded");
  await untilEvent("fans", "generated");
  const { jobs } = await lab.call<{ jobs: JobView[] }>("GET", "/v1/jobs?limit=100");
  const made = jobs.filter(({ spec }) => spec.command?.[1]?.startsWith("generated"));
  expect(made).toHaveLength(3);
  for (const { id } of made) await lab.until(id, "succeeded");

  const bad = { handler: "fan", input: { returns: [{ command: ["true"] }, { command: 7 }] } };
  await put("fans", { cron: "@yearly", generator: bad });
  await lab.call("POST", "/v1/schedules/fans/trigger");
  await untilEvent("fans", "generated", ({ reason }) => reason !== undefined);
  const once = { command: ["true"], delay: "1h", unique: { key: "later" } };
  const twice = { handler: "fan", input: { returns: { jobs: [once, once] } } };
  await put("fans", { cron: "@yearly", generator: twice });
  await lab.call("POST", "/v1/schedules/fans/trigger");
  const view = await until(async () => {
    const now = await get("fans");
    return now.generator?.runs === 3 ? now : undefined;
  }, "three runs");
  expect(view.generator).toMatchObject({
    open: 0,
    failed: 1,
    submitted: 4,
    last: { submitted: 1 },
  });
  expect(view.lastError?.message).toMatch(/^Of the jobs that it returned, \[1\] is none: command/);
});

it(
  "outlives a restart of everything: the pause, the counts and the rule",
  { timeout: 90_000 },
  async () => {
    const before = await get("paused");
    const { counts } = await get("daily");
    const living = await Promise.all(
      lab.schedulers.map(async ({ url }, i) => {
        const alive = await demand<unknown>(`${url}/healthz`, "GET").catch(() => undefined);
        return alive === undefined ? [] : [i];
      }),
    );
    for (const i of living.flat()) await lab.schedulers[i]!.kill("SIGKILL");
    await lab.addScheduler();
    const after = await get("paused");
    expect(after.paused).toEqual(before.paused);
    expect(after.schedule).toEqual(before.schedule);
    expect((await get("daily")).counts).toEqual(counts);
  },
);
