// Knowing what happens: history that can be searched, events, totals, webhooks, and records that go when their time is up.
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { ask, type JobPage, type JobView, type Stats } from "../lab/api.ts";
import { startLab, type Lab } from "../lab/lab.ts";
import { startReceiver, type Receiver } from "../lab/receiver.ts";
import { until } from "../lab/until.ts";
import { openEvents } from "../broker/http/sse.ts";
import { MILLRACE } from "./dev.ts";
import { consoleBlocks, fillIn, normalise } from "./readme/console-blocks.ts";
import { openShell } from "./readme/shell.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const documented = consoleBlocks(readFileSync(`${ROOT}/docs/events.md`, "utf8")).flat();

type WebhookView = { name: string; secret?: string };
type DeadLetters = { deadLetters: { id: string; reason: string }[] };
type Results = { results: { id: string; delivered: boolean }[] };

/** Secrets that are made up differ, too. */
const shown = (lines: readonly string[]): string[] =>
  normalise(lines.map((line) => line.replace(/ [\w-]{32}$/, " SECRET")));

let lab: Lab;
let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver();
  lab = await startLab({ schedulers: 0, workers: [] });
  const args = ["--webhooks-inside", "--lease=1s"];
  await Promise.all([lab.addScheduler({ args }), lab.addScheduler({ args })]);
  await lab.addWorker({ slots: 4 });
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
});

const list = (query: string) => lab.call<JobPage>("GET", `/v1/jobs?${query}`);
const idsOf = ({ jobs }: JobPage) => jobs.map(({ id }) => id);
const run = async (script: string, more: object = {}): Promise<string> => {
  const { id } = await lab.call<JobView>("POST", "/v1/jobs?wait=30s", { script, ...more });
  return id;
};

describe("history", () => {
  it("is found by exit code, worker and time, and sorted by end or length of the run", async () => {
    const from = new Date().toISOString();
    const queue = "history";
    const slow = lab.submit({ script: "sleep 0.4; exit 3", queue });
    const quick = await run("exit 0", { queue });
    const bad = await run("exit 4", { queue });
    await lab.until(await slow, "failed");
    const late = await run("exit 3", { queue });
    await until(
      async () => (await list("queue=history&exitCode=3")).jobs.length === 2,
      "the index",
    );

    expect(idsOf(await list("queue=history&exitCode=3"))).toEqual([late, await slow]);
    expect(idsOf(await list("queue=history&sort=finished"))).toEqual([
      late,
      await slow,
      bad,
      quick,
    ]);
    expect(idsOf(await list("queue=history&sort=duration&limit=1"))).toEqual([await slow]);
    const { id: worker } = lab.workers[0]!;
    expect((await list(`queue=history&worker=${worker}&from=${from}`)).jobs).toHaveLength(4);
    expect((await list(`queue=history&to=${from}`)).jobs).toEqual([]);
    const first = await list("queue=history&sort=finished&limit=3");
    const rest = await list(`queue=history&sort=finished&limit=3&cursor=${first.next}`);
    expect(idsOf(rest)).toEqual([quick]);
    await expect(list(`sort=duration&cursor=${first.next}`)).rejects.toThrow("invalid_cursor");
  });

  it("goes when its time is up, by final state", async () => {
    const retention = { succeeded: "1s", failed: "1h" };
    const good = await run("exit 0", { retention });
    const bad = await run("exit 1", { retention });
    await until(async () => (await lab.job(good).catch(() => undefined)) === undefined, "the end");
    expect(await lab.job(bad)).toMatchObject({ state: "failed" });
  });
});

it("events are followed by label, definition and job, and go on where they were left", async () => {
  const url = `${lab.url}/v1/events`;
  await using labelled = await openEvents(`${url}?label=team=events`);
  const other = await run("exit 0");
  const id = await run("exit 0", { labels: { team: "events" } });
  const first = await labelled.next();
  expect(first).toMatchObject({ data: { job: id, what: "submitted" } });
  expect(await labelled.next()).toMatchObject({ data: { job: id, state: "succeeded" } });
  const after = { "Last-Event-ID": first?.id ?? "" };
  await using one = await openEvents(`${url}?jobs=${id},${other}`, after);
  expect(await one.next()).toMatchObject({ data: { job: id, state: "succeeded" } });
  await using none = await openEvents(`${url}?jobs=nonsense`);
  expect(none.status).toBe(400);
});

it("totals tell throughput, waits, queues and workers", async () => {
  const before = await lab.call<Stats>("GET", "/v1/stats");
  await run("exit 0", { queue: "counted" });
  const after = await until(async () => {
    const stats = await lab.call<Stats>("GET", "/v1/stats");
    return sumOf(stats, "succeeded") > sumOf(before, "succeeded") ? stats : undefined;
  }, "the job to be counted");
  expect(sumOf(after, "submitted")).toBe(sumOf(before, "submitted") + 1);
  expect(after.hours.at(-1)?.wait?.maxMs).toBeGreaterThanOrEqual(0);
  expect(after.queues).toContainEqual(
    expect.objectContaining({ name: "counted", depth: expect.objectContaining({ succeeded: 1 }) }),
  );
  expect(after.workersBy.ready).toBe(1);
});

const sumOf = ({ minutes }: Stats, what: "submitted" | "succeeded"): number =>
  minutes.reduce((sum, span) => sum + span[what], 0);

const put = (name: string, body: object) =>
  lab.call<WebhookView>("PUT", `/v1/webhooks/${name}`, { url: receiver.url, ...body });
const heard = (id: string) => receiver.posts.filter(({ body }) => body.job === id);

describe("webhooks", () => {
  const secret = "a-secret-of-the-test";
  const states = ["succeeded", "failed"];

  it("tell each end, signed", async () => {
    await put("ends", { secret, states, queues: ["told"] });
    const good = await run("exit 0", { queue: "told" });
    await run("exit 0", { queue: "untold" });
    const post = await until(() => heard(good)[0], "the event");
    expect(post.body).toMatchObject({ id: `${good}.1`, state: "succeeded", exitCode: 0 });
    const [, at, digest] = /^t=(\d+),v1=(\w+)$/.exec(String(post.headers["millrace-signature"]))!;
    const expected = createHmac("sha256", secret).update(`${at}.${post.text}`).digest("hex");
    expect(digest).toBe(expected);
    expect(receiver.posts.every(({ body }) => states.includes(body.state))).toBe(true);
  });

  it.each([
    ["invalid_spec", "PUT", "bad", { url: "ftp://example.org/" }],
    ["invalid_spec", "PUT", "bad", { url: "http://me:secret@example.org/" }],
    ["invalid_spec", "PUT", "bad", { url: "https://example.org/", secret: "short" }],
    ["invalid_spec", "PUT", "bad", { url: "https://example.org/", states: ["ended"] }],
    ["invalid_spec", "PUT", "bad", { url: "https://example.org/", colour: "red" }],
    ["invalid_id", "PUT", "-bad", { url: "https://example.org/" }],
    ["not_found", "GET", "bad", undefined],
    ["not_found", "DELETE", "bad", undefined],
    ["not_found", "POST", "bad/dead-letters/redeliver", {}],
  ])("refuse what is not acceptable: %s on %s %s %j", async (code, method, path, body) => {
    const answer = await ask(`${lab.url}/v1/webhooks/${path}`, method, body);
    expect(answer.body).toMatchObject({ code });
  });

  it("change only as they were when they were read", async () => {
    const url = `${lab.url}/v1/webhooks/careful`;
    const body = { url: receiver.url, enabled: false };
    const isNew = { "If-None-Match": "*" };
    const made = await ask(url, "PUT", body, isNew);
    expect(made.status).toBe(201);
    expect((await ask(url, "PUT", body, isNew)).status).toBe(412);
    const tag = { "If-Match": made.headers.get("etag") ?? "" };
    const changed = await ask<WebhookView>(url, "PUT", { ...body, tries: 2 }, tag);
    expect(changed).toMatchObject({ status: 200, body: { tries: 2 } });
    expect(changed.body.secret).toBeUndefined();
    expect((await ask(url, "DELETE", undefined, tag)).status).toBe(412);
    expect((await ask(url, "DELETE")).status).toBe(204);
  });

  it("miss nothing when the leader is killed", async () => {
    await put("all", { secret, states, queues: ["told"] });
    const ids = await Promise.all(
      Array.from({ length: 30 }, () => lab.submit({ script: "exit 0", queue: "told" })),
    );
    const leader = await lab.leader();
    await leader.kill("SIGKILL");
    await lab.leader();
    await until(() => ids.every((id) => heard(id).length > 0), "every event", 30_000);
    for (const id of ids) for (const { body } of heard(id)) expect(body.id).toBe(`${id}.1`);
    await lab.call("DELETE", "/v1/webhooks/all");
  });

  it("put aside what cannot be delivered, and deliver it on request", async () => {
    receiver.answer(500);
    const { secret: made } = await put("broken", { queues: ["dead"], states, tries: 1 });
    expect(made).toMatch(/^[\w-]{32}$/);
    const id = await run("exit 1", { queue: "dead" });
    const dead = "/v1/webhooks/broken/dead-letters";
    const { deadLetters } = await until(async () => {
      const letters = await lab.call<DeadLetters>("GET", dead);
      return letters.deadLetters.length > 0 ? letters : undefined;
    }, "the dead letter");
    expect(deadLetters).toMatchObject([{ id: `${id}.1`, reason: "The receiver answered 500." }]);

    const again = () => lab.call<Results>("POST", `${dead}/redeliver`, { ids: [`${id}.1`] });
    expect((await again()).results).toMatchObject([{ delivered: false }]);
    receiver.answer(204);
    expect((await again()).results).toEqual([{ id: `${id}.1`, delivered: true }]);
    expect(heard(id)).toHaveLength(1);
    expect((await lab.call<DeadLetters>("GET", dead)).deadLetters).toEqual([]);
  });
});

it("is as the document shows", { timeout: 90_000 }, async () => {
  const setup = `cd '${ROOT}'; npx() { shift; '${process.execPath}' '${MILLRACE}' "$@"; }`;
  const { url } = await lab.leader();
  await using shell = await openShell(setup, { MILLRACE_URL: url, NO_COLOR: undefined });
  for (const { command, expected } of documented) {
    const printed = shown(await shell.run(command.replaceAll("http://localhost:7070", url)));
    expect({ command, printed }).toEqual({ command, printed: fillIn(shown(expected), printed) });
  }
});
