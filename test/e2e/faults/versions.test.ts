// Workers and records of other versions: row 21 of the fault table.
import { expect, it } from "vitest";

import { newJob } from "../../../src/shared/job-machine.ts";
import { PROTOCOL } from "../../../src/shared/messages.ts";
import type { Why, WorkerView } from "../../lab/api.ts";
import { startLab } from "../../lab/lab.ts";
import { until } from "../../lab/until.ts";
import { gatherCrowd } from "./crowd.ts";
import { openWitness } from "./witness.ts";

const OLDER = "crowd-older-00000000";
const NEWER = "crowd-newer-00000000";

const record = (id: string) => newJob(id, { command: ["true"] }, Date.now());

it("row 21: jobs go only to workers that understand them; records of any version are kept as they are", async () => {
  await using lab = await startLab();
  const url = lab.broker.url;
  await using witness = await openWitness(url);
  await using _older = await gatherCrowd(url, 1, { name: "crowd-older", protocol: PROTOCOL - 1 });
  await using _newer = await gatherCrowd(url, 1, { name: "crowd-newer", protocol: PROTOCOL + 1 });
  for (const id of [OLDER, NEWER])
    await until(() => lab.call<WorkerView>("GET", `/v1/workers/${id}`), `worker ${id} to be known`);

  const forOlder = await lab.submit({ command: ["true"], worker: OLDER });
  const forNewer = await lab.submit({ command: ["true"], worker: NEWER });
  expect((await lab.until(forNewer, "running")).worker).toBe(NEWER);
  const why = await lab.call<Why>("GET", `/v1/jobs/${forOlder}/why`);
  expect(why.reasons).toMatchObject([{ code: "no_match", constraints: [`protocol>=${PROTOCOL}`] }]);
  expect((await lab.job(forOlder)).state).toBe("queued");

  const { jobs } = witness.broker.subjects;
  const withMore = "0".repeat(19) + "1";
  const ofLater = "0".repeat(19) + "2";
  const later = JSON.stringify({ ...record(ofLater), v: 2, state: "dreaming" });
  await witness.broker.publish(jobs.record(ofLater), later);
  await witness.broker.publish(
    jobs.record(withMore),
    JSON.stringify({ ...record(withMore), addedLater: { kept: true } }),
  );
  await lab.until(withMore, "succeeded");
  expect(await witness.record(withMore)).toMatchObject({ addedLater: { kept: true } });
  const kept = await witness.broker.last(jobs.stream, jobs.record(ofLater));
  expect(Buffer.from(kept!.data).toString()).toBe(later);
  await lab.until(await lab.submit({ command: ["true"], worker: lab.workers[0]!.id }), "succeeded");
});
