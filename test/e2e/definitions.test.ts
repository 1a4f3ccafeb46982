// Definitions with real processes: the pipeline of examples/nightly, runs and their history, conditions on changes.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { DefinitionDetail, RunView } from "../../src/scheduler/http/definition-view.ts";
import type { GroupView } from "../../src/scheduler/http/group-view.ts";
import type { JobView } from "../../src/scheduler/http/job-view.ts";
import { ask } from "../lab/api.ts";
import { startLab, type Lab } from "../lab/lab.ts";
import { tempDir } from "../lab/temp-dir.ts";
import { until } from "../lab/until.ts";
import { millrace, type Millrace } from "./cli/millrace.ts";

const PIPELINE = fileURLToPath(new URL("../../examples/nightly/pipeline.yaml", import.meta.url));

let lab: Lab;
let cli: Millrace;
let dir: Awaited<ReturnType<typeof tempDir>>;
beforeAll(async () => {
  dir = await tempDir();
  const workers = ["one", "two", "three"].map((name) => ({ name, slots: 1 }));
  [lab, cli] = await Promise.all([startLab({ workers }), millrace(join(dir.path, "state"))]);
}, 90_000);
afterAll(async () => {
  await lab?.[Symbol.asyncDispose]();
  await dir?.[Symbol.asyncDispose]();
});

type Started = { id: string; kind: "job" | "group"; version: number };

const put = (name: string, definition: object, headers: Record<string, string> = {}) =>
  ask<DefinitionDetail>(`${lab.url}/v1/definitions/${name}`, "PUT", definition, headers);
const get = (name: string) => lab.call<DefinitionDetail>("GET", `/v1/definitions/${name}`);
const start = (name: string, body: object = {}) =>
  lab.call<Started>("POST", `/v1/definitions/${name}/runs`, body);
const runs = async (name: string, query = "") =>
  (await lab.call<{ runs: RunView[] }>("GET", `/v1/definitions/${name}/runs?${query}`)).runs;
const groupEnd = (id: string) => lab.call<GroupView>("GET", `/v1/groups/${id}?wait=40s`);
const jobEnd = (id: string) => lab.call<JobView>("GET", `/v1/jobs/${id}?wait=20s`);
const run = (...args: string[]) => cli.run(...args, "--url", lab.url);

const statesOf = ({ members }: GroupView) =>
  Object.fromEntries(members.map(({ name, state }) => [name, state]));

const ids = async (query: string) => (await runs("greet", query)).map(({ id }) => id);

describe("the nightly pipeline", () => {
  it("fails in the middle, is restarted from there, and tells its history", async () => {
    const source = join(dir.path, "source");
    const target = join(dir.path, "target");
    await mkdir(source);
    await mkdir(target);
    const texts = ["the fox", "the dog", "a fox and the bear", "no more"];
    for (const [place, text] of texts.entries())
      await writeFile(join(source, `${place}.txt`), `${text}\n`);
    await writeFile(join(target, "fail"), "");

    const applied = await run("apply", "-f", PIPELINE);
    expect(applied.stdout).toContain("+ Definition nightly");
    expect(applied.code).toBe(0);
    expect((await run("apply", "-f", PIPELINE)).stdout).toContain(
      "= Definition nightly: unchanged",
    );

    const { id, kind } = await start("nightly", { params: { source, target, top: 2 } });
    expect(kind).toBe("group");
    const failed = await groupEnd(id);
    expect(failed).toMatchObject({
      state: "failed",
      reason: "Failed: transform.",
      definition: { name: "nightly", version: 1 },
    });
    expect(statesOf(failed)).toMatchObject({ fetch: "succeeded", merge: "skipped" });
    expect(await runs("nightly", "exitCode=3&state=failed")).toMatchObject([{ id }]);

    await rm(join(target, "fail"));
    const again = await run("retry", "--from-failed", id);
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining("again") });
    const group = await groupEnd(id);
    expect(group).toMatchObject({ state: "succeeded", retries: 1, progress: { succeeded: 8 } });
    const words = await readFile(join(target, "words.txt"), "utf8");
    expect(words.split("\n").slice(0, 3)).toEqual(["3 the", "2 fox", "1 a"]);
    const { jobs } = await lab.call<{ jobs: { member: string; job: JobView }[] }>(
      "GET",
      `/v1/groups/${id}/jobs`,
    );
    expect(jobs.filter(({ job }) => job.attempts.length > 1)).toMatchObject([
      { member: "transform", index: 1 },
    ]);
    const shown = jobs.find(({ member }) => member === "show")!;
    expect(await lab.output(shown.job.id)).toBe("3 the\n2 fox\n");

    const detail = await get("nightly");
    expect(detail).toMatchObject({
      newestRun: { id, state: "succeeded", exitCode: 0 },
      statistics: { total: 1, succeeded: 1, failed: 0 },
    });
    expect(detail.statistics.lastDay).toHaveLength(24);
    expect(detail.statistics.p50Ms).toBeGreaterThan(0);
  });

  it("shows its whole shape in test mode and touches nothing", async () => {
    const { id } = await start("nightly", { params: { target: "/nowhere" }, test: true });
    const group = await groupEnd(id);
    expect(group).toMatchObject({ state: "succeeded", progress: { succeeded: 8 } });
    expect(await runs("nightly", "limit=1")).toMatchObject([{ id, test: true }]);
    expect((await get("nightly")).statistics.total).toBe(1);
  });
});

describe("runs", () => {
  it("of one step are jobs, found by what they are", async () => {
    await put("greet", {
      parameters: {
        properties: {
          who: { type: "string", default: "you" },
          code: { type: "integer", default: 0 },
        },
      },
      spec: { script: 'echo "hello $MILLRACE_PARAM_WHO"; exit "$1"', args: ["${code}"] },
      labels: { team: "x" },
    });
    const fine = await start("greet", { params: { who: "$(id)" }, labels: { by: "hand" } });
    const bad = await start("greet", { params: { code: 4 } });
    expect(fine).toMatchObject({ kind: "job", version: 1 });
    const [{ state, labels, worker }] = await Promise.all([jobEnd(fine.id), jobEnd(bad.id)]);
    expect({ state, labels }).toEqual({ state: "succeeded", labels: { team: "x", by: "hand" } });
    expect(await lab.output(fine.id)).toBe("hello $(id)\n");

    expect(await ids("")).toEqual([bad.id, fine.id]);
    expect(await ids("sort=submitted")).toEqual([fine.id, bad.id]);
    expect(await ids("state=failed")).toEqual([bad.id]);
    expect(await ids("exitCode=4")).toEqual([bad.id]);
    expect(await ids("label=by%3Dhand")).toEqual([fine.id]);
    expect(await ids(`worker=${worker}&state=succeeded`)).toEqual([fine.id]);
    expect(await ids("from=2999-01-01T00:00:00Z")).toEqual([]);
    const first = await lab.call<{ runs: RunView[]; next: string }>(
      "GET",
      "/v1/definitions/greet/runs?limit=1&sort=-duration",
    );
    const rest = await lab.call<{ runs: RunView[]; next?: string }>(
      "GET",
      `/v1/definitions/greet/runs?limit=1&sort=-duration&cursor=${first.next}`,
    );
    expect(new Set([first.runs[0]?.id, rest.runs[0]?.id])).toEqual(new Set([fine.id, bad.id]));
    expect(rest.next).toBeUndefined();
  });

  it("are refused for parameters that do not fit, and when disabled", async () => {
    const refused = (body: object) => ask(`${lab.url}/v1/definitions/greet/runs`, "POST", body);
    expect(await refused({ params: { code: "4" } })).toMatchObject({
      status: 422,
      body: { field: "params.code" },
    });
    expect(await refused({ params: { whom: "x" } })).toMatchObject({
      status: 422,
      body: { field: "params.whom" },
    });
    await put("greet", { enabled: false, spec: { command: ["true"] } });
    expect(await refused({})).toMatchObject({ status: 409, body: { code: "definition_disabled" } });
    expect(await ask(`${lab.url}/v1/definitions/none/runs`, "POST", {})).toMatchObject({
      status: 404,
    });
  });

  it("leave the history when it is purged, but for what runs", async () => {
    await put("slow", {
      parameters: { properties: { s: { type: "string" } } },
      spec: { command: ["sleep", "${s}"] },
    });
    const done = await start("slow", { params: { s: "0" } });
    await jobEnd(done.id);
    const live = await start("slow", { params: { s: "60" } });
    await lab.until(live.id, "running");
    expect(await lab.call("DELETE", "/v1/definitions/slow/runs")).toEqual({
      removed: 1,
      more: false,
    });
    await until(async () => (await runs("slow")).length === 1, "the history to be shorter");
    expect(await runs("slow")).toMatchObject([{ id: live.id, state: "running" }]);
    expect((await get("slow")).statistics).toMatchObject({ total: 1, succeeded: 0 });
    await lab.call("POST", `/v1/jobs/${live.id}/cancel`);
  });
});

const sleeping = (seconds: string, policy: string) => ({
  exclusive: policy,
  spec: { command: ["sleep", seconds] },
});

describe("one run at a time", () => {
  it("waits for its turn, in order", async () => {
    await put("queued", sleeping("0.3", "queue"));
    const started = await Promise.all([start("queued"), start("queued"), start("queued")]);
    const ended = await Promise.all(started.map(({ id }) => groupEnd(id)));
    const spans = ended
      .map(
        ({ startedAt, finishedAt }) => [Date.parse(startedAt!), Date.parse(finishedAt!)] as const,
      )
      .toSorted((a, b) => a[0] - b[0]);
    expect(ended.every(({ state }) => state === "succeeded")).toBe(true);
    for (const [place, [began]] of spans.entries())
      expect(began).toBeGreaterThanOrEqual(spans[place - 1]?.[1] ?? 0);
  });

  it("is refused, or takes the place of the one before", async () => {
    await put("strict", sleeping("60", "reject"));
    const { id } = await start("strict");
    await until(async () => (await runs("strict", "state=running")).length === 1, "the run");
    const second = await ask(`${lab.url}/v1/definitions/strict/runs`, "POST", {});
    expect(second).toMatchObject({ status: 409, body: { code: "run_active" } });
    await put("strict", sleeping("0", "replace"));
    const newer = await start("strict");
    expect(await groupEnd(newer.id)).toMatchObject({ state: "succeeded" });
    expect(await groupEnd(id)).toMatchObject({
      state: "cancelled",
      reason: `Replaced by ${newer.id}.`,
    });
  });

  it("is watched: told when it is overdue, ended when it may not go on", async () => {
    await put("late", {
      monitor: { alertAfter: "200ms", stopAfter: "600ms" },
      spec: { command: ["sleep", "60"] },
    });
    const group = await groupEnd((await start("late")).id);
    expect(group).toMatchObject({ state: "cancelled", reason: "It ran for longer than 600ms." });
    expect(group.overdueSince).toBeDefined();
  });
});

describe("changes", () => {
  it("name what they expect to find", async () => {
    const body = { spec: { command: ["true"] } };
    const made = await put("cas", body, { "If-None-Match": "*" });
    expect(made).toMatchObject({ status: 201, body: { version: 1 } });
    expect((await put("cas", body, { "If-None-Match": "*" })).status).toBe(412);
    const tag = made.headers.get("etag")!;
    expect(await put("cas", body, { "If-Match": tag })).toMatchObject({
      status: 200,
      body: { version: 1 },
    });
    const other = { ...body, description: "other" };
    expect(await put("cas", other, { "If-Match": tag })).toMatchObject({
      status: 200,
      body: { version: 2 },
    });
    expect(await put("cas", body, { "If-Match": tag })).toMatchObject({ status: 412 });
    expect(await put("cas", { spec: { command: ["${x}"] } })).toMatchObject({
      status: 422,
      body: { field: "spec.command[0]" },
    });
  });

  it("of a file show what they do, and stop at what somebody else changed", async () => {
    const file = join(dir.path, "cas.yaml");
    const exported = await run("export", "definitions");
    const document = exported.stdout.split("---\n").find((one) => one.includes("name: cas"))!;
    await writeFile(file, document.replace("other", "mine"));
    const dry = await run("apply", "-f", file, "--dry-run");
    expect(dry.stdout).toMatch(/- description: other\n +\+ description: mine/);
    expect((await get("cas")).version).toBe(2);
    await put("cas", { spec: { command: ["false"] } });
    const conflict = await run("apply", "-f", file);
    expect(conflict).toMatchObject({
      stdout: expect.stringContaining("! Definition cas"),
      stderr: expect.stringContaining("Somebody changed"),
    });
    expect(conflict.code).not.toBe(0);
    expect((await run("apply", "-f", file, "--force", "--prune")).code).toBe(0);
    const { definitions } = await lab.call<{ definitions: DefinitionDetail[] }>(
      "GET",
      "/v1/definitions",
    );
    expect(definitions.map(({ name }) => name)).toEqual(["cas"]);
    expect(definitions[0]?.definition.description).toBe("mine");
  });
});
