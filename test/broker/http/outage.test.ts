// While the broker is away or full, the API says so, accepts nothing by halves, and is itself again afterwards.
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Problem } from "../../../src/shared/errors.ts";
import { until } from "../../lab/until.ts";
import { startHttpLab, type HttpLab, type Replica } from "./http-lab.ts";
import { openEvents } from "./sse.ts";

let lab: HttpLab;
let api: Replica;

beforeAll(async () => {
  lab = await startHttpLab();
  api = lab.first;
});
afterAll(() => lab[Symbol.asyncDispose]());

const spec = { command: ["true"] };
const isReady = async () => (await api.call("GET", "/readyz")).status === 200;

describe("a broker that is away", () => {
  it("makes every request that needs it answer 503 with Retry-After, and nothing else", async () => {
    const id = await lab.submit();
    await using stream = await openEvents(`${api.url}/v1/jobs/${id}/events`);
    await stream.next();
    await lab.server.kill();
    await until(async () => !(await isReady()), "the loss to be noticed");

    for (const [method, path, body] of [
      ["POST", "/v1/jobs", spec],
      ["POST", "/v1/jobs/batch", { jobs: [spec, spec] }],
      ["GET", `/v1/jobs/${id}`],
      ["GET", `/v1/jobs/${id}/logs`],
      ["POST", `/v1/jobs/${id}/cancel`, {}],
      ["POST", `/v1/jobs/${id}/retry`],
      ["DELETE", `/v1/jobs/${id}`],
      ["PUT", "/v1/queues/default", { paused: true }],
    ] as const) {
      const { status, headers, body: problem } = await api.call(method, path, body);
      expect([path, status, problem.code]).toEqual([path, 503, "broker_unavailable"]);
      expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    }
    expect((await api.call("GET", "/healthz")).status).toBe(200);
    expect((await api.call("GET", "/v1/stats")).status).toBe(200);
    expect((await api.call("POST", "/v1/jobs", { command: [] })).status).toBe(422);

    await lab.server.restart();
    await until(isReady, "the API to be ready again");
    expect(await until(() => lab.stored(), "the stream to be read")).toBe(1);
    await lab.start(id);
    expect(await stream.next()).toMatchObject({ data: { what: "started" } });
  });

  it("lets a submit be sent again under its key", async () => {
    const key = { "Idempotency-Key": "through the storm" };
    await lab.server.pause();
    const lost = api.call("POST", "/v1/jobs", spec, key);
    expect((await lost).status).toBe(503);
    await lab.server.resume();
    await until(isReady, "the API to be ready again");
    const found = await api.call("POST", "/v1/jobs", spec, key);
    expect(found.status).toBe(202);
    expect((await api.call("POST", "/v1/jobs", spec, key)).body.id).toBe(found.body.id);
  });
});

describe("a broker that is full", () => {
  it("answers 507, and says of a batch which jobs it took", async () => {
    const { stream } = api.broker.subjects.jobs;
    const { messages } = await api.broker.streamState(stream);
    await limitMessages(stream, messages + 2);
    type Answer = Problem & { jobs: { id?: string; stored: string }[] };
    const batch = await api.call<Answer>("POST", "/v1/jobs/batch", { jobs: [spec, spec, spec] });
    expect(batch).toMatchObject({ status: 507, body: { code: "storage_full" } });
    expect(batch.body.jobs.map(({ stored }) => stored).toSorted()).toEqual(["no", "yes", "yes"]);
    for (const { id } of batch.body.jobs.filter(({ stored }) => stored === "yes"))
      expect((await api.call("GET", `/v1/jobs/${id}`)).status).toBe(200);
    const one = await api.call("POST", "/v1/jobs", spec);
    expect(one).toMatchObject({ status: 507, body: { code: "storage_full" } });
    expect(one.headers.has("retry-after")).toBe(true);

    await limitMessages(stream, -1);
    expect((await api.call("POST", "/v1/jobs", spec)).status).toBe(202);
  });
});

async function limitMessages(stream: string, most: number): Promise<void> {
  const { nc } = api.broker;
  const info = (await nc.request(`$JS.API.STREAM.INFO.${stream}`)).json<{ config: object }>();
  const config = { ...info.config, max_msgs: most };
  await nc.request(`$JS.API.STREAM.UPDATE.${stream}`, JSON.stringify(config));
}
