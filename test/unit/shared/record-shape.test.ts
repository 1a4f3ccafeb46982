// A record that was read is refused as soon as one of its parts is not what those who use it rely on.
import { describe, expect, it } from "vitest";

import { apply, newJob } from "../../../src/shared/job-machine.ts";
import type { JobRecord } from "../../../src/shared/job.ts";
import { decodeAssignments, decodeRecord } from "../../../src/shared/messages.ts";

const ID = "k3v9x0q2m7c1w8z5b4n6";
const DIGEST = `sha256:${"0".repeat(64)}` as const;
const reference = { digest: DIGEST, bytes: 1 };

const submitted = newJob(ID, { handler: "h", input: { any: [null, "thing"] } }, 1_000, {
  actor: "api",
  fingerprint: "f",
  origin: {
    definition: { name: "nightly", version: 2, test: true },
    schedule: { name: "daily", at: 1_000 },
    group: { id: ID, member: "m", index: 0, count: 2, values: { a: "b" } },
    namespace: "acme",
    holds: true,
  },
});
const started = apply(submitted, {
  type: "started",
  at: 2_000,
  attempt: 1,
  worker: "build-1-abcd1234",
});
const ended = apply(started, {
  type: "finished",
  at: 3_000,
  attempt: 1,
  worker: "build-1-abcd1234",
  startedAt: 2_000,
  random: 0,
  ending: {
    outcome: "exited",
    exitCode: 0,
    signal: "SIGTERM",
    reason: "r",
    result: null,
    resultAt: reference,
    output: { stdout: 1, stderr: 2, chunks: 3, dropped: 0 },
    usage: { cpuMs: 1.5, maxRssKb: 10 },
    artifacts: {
      count: 1,
      bytes: 1,
      files: [{ path: "out/a", bytes: 1, digest: DIGEST, mode: 0o644 }],
      manifest: reference,
      note: "n",
    },
  },
});
/** The attempt with another file. */
const leaving = (file: object) => ({
  ...ended.attempts[0],
  artifacts: {
    count: 1,
    bytes: 1,
    files: [{ path: "a", bytes: 1, digest: DIGEST, mode: 0o644, ...file }],
  },
});
/** With everything that a record can have. */
const WHOLE: JobRecord = {
  ...ended,
  notBefore: 1,
  expiresAt: 1,
  forgotten: 3,
  reason: "r",
  spec: {
    ...ended.spec,
    queue: "q",
    command: ["a"],
    args: ["b"],
    env: { A: "b" },
    labels: { a: "b" },
    key: "k",
    priority: 9,
    slots: 1,
    timeout: "1h30m",
    retention: { failed: "1d" },
    require: ["os=linux"],
    prefer: [{ match: "gpu", weight: 2 }],
    unique: { key: "u", for: "1s" },
    retry: { attempts: 2 },
  },
};

type Path = (string | number)[];

/** Every place in a value, the inner ones too. */
const placesIn = (value: unknown, path: Path = []): Path[] => [
  path,
  ...(typeof value === "object" && value !== null
    ? Object.entries(value).flatMap(([key, inner]) => placesIn(inner, [...path, key]))
    : []),
];

function replaced(value: unknown, [key, ...rest]: Path, by: unknown): unknown {
  if (key === undefined) return by;
  const copy = structuredClone(value) as Record<string | number, unknown>;
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}

const read = (value: unknown) => decodeRecord(JSON.stringify(value));
const assigned = (record: unknown) =>
  decodeAssignments(JSON.stringify({ v: 1, epoch: 1, items: [{ attempt: 1, seq: 1, record }] }));
/** What a job was given and what it found may be anything. */
const isFree = (path: Path) => path[0] === "result" || path.slice(0, 2).join(".") === "spec.input";
const places = placesIn(WHOLE).filter((path) => !isFree(path));

describe("a record", () => {
  it.each([
    ["just submitted", submitted],
    ["running", started],
    ["over", ended],
    ["with everything", WHOLE],
    ["of somebody newer", { ...WHOLE, spec: { ...WHOLE.spec, novel: 1 }, novel: 1 }],
  ])("%s is read as it was written", (_, record) => {
    expect(read(record)).toEqual(record);
  });

  it.each(places.map((path) => [path.join("."), path] as const))(
    "without %s as it is",
    (_, path) => {
      for (const wrong of [null, [[]], -1.5, 1e300, false])
        expect(read(replaced(WHOLE, path, wrong))).toBeUndefined();
    },
  );

  it.each<[string, object]>([
    ["of another version", { v: 2 }],
    ["of a subject", { id: "mr.job.>" }],
    ["of an unknown state", { state: "haunted" }],
    ["running without an attempt", { state: "running", attempts: [] }],
    ["with nothing to run", { spec: {}, origin: undefined }],
    ["with an empty command", { spec: { command: [] }, origin: undefined }],
    ["with a duration that is none", { spec: { ...WHOLE.spec, timeout: "soon" } }],
    ["with a test that is none", { spec: { ...WHOLE.spec, require: ["!!"] } }],
    ["with a queue that is a subject", { spec: { ...WHOLE.spec, queue: "a.>" } }],
    ["of a worker that is a subject", { attempts: [{ number: 1, worker: ">" }] }],
    ["with a file that would run as its owner", { attempts: [leaving({ mode: 0o4755 })] }],
    ["with a file from elsewhere", { attempts: [leaving({ path: "../a" })] }],
    ["with a file that is a subject", { references: { input: { digest: ">", bytes: 1 } } }],
  ])("%s is refused, in an assignment too", (_, part) => {
    const record = { ...WHOLE, ...part };
    expect(read(record)).toBeUndefined();
    expect(assigned(record)).toBeUndefined();
    expect(assigned(WHOLE)).toBeDefined();
  });
});
