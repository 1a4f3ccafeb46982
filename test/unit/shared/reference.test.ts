// What leaves a record because it is too large, and comes back.
import { expect, it } from "vitest";

import { digestOf } from "../../../src/shared/file.ts";
import { apply, newJob } from "../../../src/shared/job-machine.ts";
import type { JobRecord } from "../../../src/shared/job.ts";
import {
  filesOf,
  INLINE_BYTES,
  largeTexts,
  withPart,
  withReferences,
} from "../../../src/shared/reference.ts";

const big = "x".repeat(INLINE_BYTES);
const digest = digestOf(Buffer.from(big));
const reference = { digest, bytes: 70_000 };

const finish = (record: JobRecord): JobRecord =>
  apply(record, {
    type: "finished",
    at: 2,
    attempt: record.attempt + 1,
    worker: "w-00000000",
    startedAt: 1,
    random: 0,
    ending: { outcome: "exited", exitCode: 0, resultAt: reference },
  });

it("takes out only what is too large, counted in bytes", () => {
  expect(largeTexts({ stdin: big })).toEqual([]);
  expect(largeTexts({ stdin: `${big}x` })).toMatchObject([{ part: "stdin" }]);
  expect(largeTexts({ stdin: "ü".repeat(INLINE_BYTES / 2 + 1) })).toHaveLength(1);
  expect(largeTexts({ input: big })).toMatchObject([{ part: "input", bytes: INLINE_BYTES + 2 }]);
  expect(largeTexts({ input: { small: 1 } })).toEqual([]);
});

it("puts back what it took out", () => {
  const record = newJob("job", { handler: "h", input: [big] }, 1);
  const [input] = largeTexts(record.spec);
  const kept = withReferences(record, { input: reference });
  expect(JSON.stringify(kept)).not.toContain(big);
  expect(withPart(kept, "input", input?.text ?? "").spec).toEqual(record.spec);
  expect(withPart(kept, "stdin", "in").spec.stdin).toBe("in");
});

it("keeps what the job is given through a retry, and forgets what came of it", () => {
  const record = withReferences(newJob("job", { handler: "h" }, 1), { input: reference });
  const done = finish(record);
  expect(done.references).toEqual({ input: reference, result: reference });
  expect("result" in done).toBe(false);
  const again = apply(done, { type: "retried", at: 3, actor: "a" });
  expect(again.references).toEqual({ input: reference });
  const bare = apply(finish(newJob("job", { handler: "h" }, 1)), {
    type: "retried",
    at: 3,
    actor: "a",
  });
  expect("references" in bare).toBe(false);
});

it("names every file that the record needs", () => {
  const other = digestOf(Buffer.from("other"));
  const record = finish(withReferences(newJob("job", { command: ["x"] }, 1), { stdin: reference }));
  const attempts = [
    {
      number: 1,
      worker: "w",
      artifacts: { count: 1, bytes: 1, manifest: { digest: other, bytes: 9 } },
    },
    {
      number: 2,
      worker: "w",
      artifacts: { count: 1, bytes: 1, files: [{ path: "a", bytes: 1, digest, mode: 0 }] },
    },
  ];
  expect([...filesOf({ ...record, attempts })]).toEqual([digest, digest, other, digest]);
});
