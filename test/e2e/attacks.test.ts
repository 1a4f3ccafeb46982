// The attack list, row by row against a guarded installation: each is refused as it says, leaves nothing behind, and the service answers.
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { until } from "../lab/until.ts";
import { ARCHIVES } from "./attacks/archives.ts";
import { startAttackLab, type Answer, type AttackLab } from "./attacks/attack-lab.ts";
import type { Attack } from "./attacks/attack.ts";
import { CALLERS } from "./attacks/callers.ts";
import { BODIES, HTTP, IDENTIFIERS, JOBS, SLOW } from "./attacks/requests.ts";
import { FORBIDDEN, RUBBISH } from "./attacks/wire.ts";

let lab: AttackLab;
let slow: Promise<Answer>[];

beforeAll(async () => {
  lab = await startAttackLab();
  const isQuiet = async () =>
    JSON.stringify(await lab.footprint()).includes("build-1") && (await isIdle());
  await until(isQuiet, "the first job to be gone", 60_000);
  slow = SLOW.map(([, bytes]) => lab.drip(bytes));
});
afterAll(() => lab[Symbol.asyncDispose]());

const isIdle = async (): Promise<boolean> => {
  const { files, workers } = (await lab.footprint()) as { files: string[]; workers: string[] };
  return (
    !files.some((file) => file.includes(lab.job)) && workers.every((one) => one.endsWith(" 0"))
  );
};
const answersStill = async () =>
  expect((await lab.send({ method: "GET", path: "/v1/jobs?limit=1" })).status).toBe(200);

describe.each<[string, Attack[]]>([
  ["bodies", BODIES],
  ["jobs", JOBS],
  ["ids", IDENTIFIERS],
  ["HTTP", HTTP],
  ["callers", CALLERS],
  ["archives", ARCHIVES],
])("%s", (_, rows) => {
  it.each(rows)("$name: $refusedAs", async ({ attack, refusedAs }) => {
    const before = await lab.footprint();
    const { status, code } = await attack(lab);
    expect(`${status} ${code}`).toBe(refusedAs);
    expect(await lab.footprint()).toEqual(before);
    await answersStill();
  });
});

describe("a worker that was broken into", () => {
  it.each(FORBIDDEN)("may not publish on %s", async (_, subjectOf) => {
    const before = await lab.footprint();
    const nc = await lab.intrude();
    const refused = (async () => {
      for await (const status of nc.status())
        if (status.type === "error") return String(status.error);
      return "nothing";
    })();
    nc.publish(subjectOf(lab), "{}");
    await nc.flush();
    expect(await refused).toMatch(/permissions violation/i);
    await nc.close();
    expect(await lab.footprint()).toEqual(before);
    await answersStill();
  });

  it.each(RUBBISH)("is not believed: %s", async (_, rubbish) => {
    const nc = await lab.intrude();
    for (const { subject, text } of rubbish(lab)) nc.publish(subject, text);
    await nc.flush();
    await nc.close();
    const { body } = await lab.send({ method: "GET", path: "/v1/jobs" });
    const { jobs } = JSON.parse(body) as { jobs: { id: string; state: string }[] };
    expect(jobs).toMatchObject([{ id: lab.job, state: "succeeded" }]);
    await answersStill();
  });
});

it.each(SLOW.map(([name], i) => [name, i] as const))(
  "%s that drip in are answered before they are all there",
  async (_, i) => {
    expect(await slow[i]).toMatchObject({ status: 408, code: "request_timeout" });
    await answersStill();
  },
);

it("still runs jobs after all of that", async () => {
  const { status, body } = await lab.send({
    path: "/v1/jobs?wait=60s",
    body: '{"command":["true"]}',
  });
  expect(status).toBe(200);
  expect(JSON.parse(body)).toMatchObject({ state: "succeeded" });
});
