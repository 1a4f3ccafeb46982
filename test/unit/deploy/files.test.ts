// The files in deploy/ can be read, and name only what there is.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";

import { createBoard } from "../../../src/scheduler/core/board.ts";
import { createSchedulerMetrics } from "../../../src/scheduler/metrics.ts";
import { systemClock } from "../../../src/shared/io/clock.ts";
import { readWorkerConfig } from "../../../src/worker/config.ts";
import { createWorkerMetrics } from "../../../src/worker/metrics.ts";
import { createSlots } from "../../../src/worker/slots.ts";

const DEPLOY = fileURLToPath(new URL("../../../deploy", import.meta.url));
const files = readdirSync(DEPLOY, { recursive: true, encoding: "utf8" });
const text = (file: string): string => readFileSync(join(DEPLOY, file), "utf8");

describe("YAML", () => {
  it.each(files.filter((file) => /\.ya?ml$/.test(file)))("%s", (file) => {
    const problems = parseAllDocuments(text(file), { merge: true }).flatMap(
      ({ errors, warnings }) => [...errors, ...warnings],
    );
    expect(problems).toEqual([]);
  });
});

it.each(files.filter((file) => file.endsWith(".json")))("%s is JSON", (file) => {
  expect(JSON.parse(text(file))).toBeTypeOf("object");
});

it("dashboard, alerts and scaler ask for metrics that there are", async () => {
  const known = new Set(await metricNames());
  for (const file of ["grafana/millrace.json", "prometheus/alerts.yml", "kubernetes/scaler.yaml"]) {
    const asked = text(file)
      .replaceAll("millrace_wanted_slots", "") // the adapter's own name for a query
      .match(/\bmillrace_\w+/g)!
      .map((name) => name.replace(/_bucket$/, ""));
    expect(asked.filter((name) => !known.has(name))).toEqual([]);
  }
});

it("whoever stops a worker waits longer than it drains", () => {
  const { drainTimeoutMs } = readWorkerConfig({});
  const waits: [string, RegExp][] = [
    ["systemd/millrace-worker@.service", /^TimeoutStopSec=(\d+)$/m],
    ["kubernetes/worker.yaml", /terminationGracePeriodSeconds: (\d+)/],
    ["compose.yaml", /command: \[worker\][\s\S]*stop_grace_period: (\d+)s/],
  ];
  for (const [file, pattern] of waits)
    expect(Number(pattern.exec(text(file))?.[1]) * 1_000).toBeGreaterThan(drainTimeoutMs);
});

async function metricNames(): Promise<string[]> {
  using scheduler = createSchedulerMetrics({
    board: createBoard(),
    clock: systemClock,
    leads: () => true,
  });
  const slots = createSlots(1);
  const worker = createWorkerMetrics({ slots, held: () => 0, registered: () => true });
  const all = `${await scheduler.text()}\n${await worker.registry.metrics()}`;
  return [...all.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!);
}
