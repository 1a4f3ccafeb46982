// Workers, queues, totals, reasons and what machines look at.
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { until } from "../../lab/until.ts";
import { startHttpLab, WORKER, type HttpLab, type Replica } from "./http-lab.ts";

let lab: HttpLab;
let api: Replica;

beforeAll(async () => {
  lab = await startHttpLab();
  api = lab.first;
});
afterAll(() => lab[Symbol.asyncDispose]());

describe("workers", () => {
  it("are listed with their facts", async () => {
    await lab.beat();
    const id = await lab.submit();
    await lab.start(id);
    await until(() => api.view.get(id)?.worker, "the attempt to be known");
    const { body } = await api.call<{ workers: object[] }>("GET", "/v1/workers");
    expect(body.workers).toMatchObject([
      {
        id: WORKER,
        name: "tester",
        status: "ready",
        labels: { os: "linux" },
        slots: { total: 4, used: 1, free: 3 },
        handlers: ["greet"],
        running: [{ job: id, attempt: 1 }],
        startedAt: "1970-01-01T00:00:01.000Z",
        cordoned: false,
      },
    ]);
    expect((await api.call("GET", `/v1/workers/${WORKER}`)).body.id).toBe(WORKER);
  });

  it.each([
    ["cordon", undefined, { type: "cordon", cordoned: true }, { cordoned: true }],
    ["uncordon", undefined, { type: "cordon", cordoned: false }, { cordoned: false }],
    ["drain", { timeout: "30s" }, { type: "drain", timeoutMs: 30_000 }, { draining: true }],
  ])("are told to %s", async (action, body, request, shown) => {
    await lab.beat();
    const answer = await api.call("POST", `/v1/workers/${WORKER}/${action}`, body);
    expect(answer).toMatchObject({ status: 202, body: shown });
    expect(lab.asked.at(-1)).toEqual({ worker: WORKER, request });
  });
});

describe("queues", () => {
  it("are set up, and listed with what is in them", async () => {
    const settings = { paused: true, maxRunning: 3 };
    const put = await api.call("PUT", "/v1/queues/night", settings);
    expect(put).toMatchObject({ status: 200, body: { name: "night", ...settings } });
    const id = await lab.submit({ command: ["true"], queue: "night" });
    await until(() => api.view.get(id), "the job to be known");
    const night = await until(async () => {
      const { body } = await api.call<{ queues: { name: string; paused: boolean }[] }>(
        "GET",
        "/v1/queues",
      );
      return body.queues.find(({ name, paused }) => name === "night" && paused);
    }, "the settings to be known");
    expect(night).toMatchObject({ ...settings, depth: { queued: 1, running: 0 } });
    await api.call("PUT", "/v1/queues/night", {});
    await until(
      () => api.view.queues().some(({ name, paused }) => name === "night" && !paused),
      "the defaults to be back",
    );
  });
});

describe("reasons", () => {
  it("say in words what a job waits for", async () => {
    const { body } = await api.call("POST", "/v1/jobs", {
      command: ["true"],
      require: ["os=plan9"],
      delay: "1h",
    });
    const why = await api.call<{ reasons: object[]; filters: object[] }>(
      "GET",
      `/v1/jobs/${body.id}/why`,
    );
    expect(why.body.reasons).toMatchObject([
      {
        code: "not_before",
        at: body.notBefore,
        message: `It is not to start before ${body.notBefore}.`,
      },
      { code: "no_match", message: "No worker passes all of: os=plan9." },
    ]);
    expect(why.body.filters).toEqual([{ what: "os=plan9", removed: 1 }]);
  });
});

describe("what machines look at", () => {
  it("tells the totals and who leads", async () => {
    const { body } = await api.call("GET", "/v1/stats");
    expect(body).toMatchObject({
      workers: 1,
      slots: { total: 4 },
      leader: { scheduler: "api0", epoch: 1 },
    });
  });

  it("is alive, ready, and measured", async () => {
    expect((await api.call("GET", "/healthz")).body).toEqual({ ok: true });
    expect((await api.call("GET", "/readyz")).body).toEqual({ ready: true, broker: true });
    const metrics = await fetch(`${api.url}/metrics`);
    expect(metrics.headers.get("content-type")).toContain("text/plain");
    expect(await metrics.text()).toContain("millrace_up 1");
    expect((await fetch(`${api.url}/healthz`, { method: "HEAD" })).status).toBe(200);
  });

  it("explains itself without a byte from elsewhere", async () => {
    const page = await fetch(`${api.url}/docs`);
    expect(page.headers.get("content-security-policy")).toContain(
      "default-src 'none'; script-src 'self'",
    );
    const html = await page.text();
    const links = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? "");
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) {
      expect(link).toMatch(/^\/docs\//);
      const asset = await fetch(`${api.url}${link}`);
      expect(asset.status).toBe(200);
      expect((await asset.arrayBuffer()).byteLength).toBeGreaterThan(50);
    }
    const { body } = await api.call<{ openapi: string; paths: object }>("GET", "/v1/openapi.json");
    expect(body.openapi).toBe("3.1.0");
    expect(Object.keys(body.paths)).toContain("/v1/jobs/{id}/logs");
  });
});
