// A worker in another network: its own broker calls the installation's, and nothing calls it.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

import { findBrokerBinary } from "../../src/shared/io/broker-binary.ts";
import { connectBroker } from "../../src/shared/io/broker.ts";
import type { JobView } from "../lab/api.ts";
import { startLab, type Lab } from "../lab/lab.ts";
import { freePorts } from "../lab/ports.ts";
import { startProxy, type Proxy } from "../lab/proxy.ts";
import { tempDir } from "../lab/temp-dir.ts";
import { until } from "../lab/until.ts";

const LEAF = fileURLToPath(new URL("../../deploy/leaf/leaf.conf", import.meta.url));

let lab: Lab;
let link: Proxy;
let store: Awaited<ReturnType<typeof tempDir>>;
let leaf: ChildProcess;

beforeAll(async () => {
  const [hubPort, leafPort] = (await freePorts(2)) as [number, number];
  const leafnodes = { host: "127.0.0.1", port: hubPort };
  store = await tempDir();
  const jetstream = { store_dir: store.path, domain: "hub" };
  lab = await startLab({ workers: [], broker: { leafnodes, jetstream } });
  link = await startProxy({ url: `nats://127.0.0.1:${hubPort}` });
  leaf = spawn(
    await findBrokerBinary(),
    ["--config", LEAF, "--addr", "127.0.0.1", "--port", String(leafPort)],
    { env: { ...process.env, MILLRACE_HUB: link.url.replace("nats:", "nats-leaf:") } },
  );
  const nats = `nats://127.0.0.1:${leafPort}`;
  await until(async () => {
    await using broker = await connectBroker({ url: nats, identity: "test" });
    return await broker.streamState(broker.subjects.jobs.stream);
  }, "the hub to answer through the leaf");
  await lab.addWorker({ nats, name: "far", slots: 2, labels: { network: "other" } });
});
afterAll(async () => {
  leaf.kill("SIGKILL");
  await once(leaf, "exit");
  await link[Symbol.asyncDispose]();
  await lab[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

const require = ["network=other"];

it("runs jobs, and its output is followed as any other", async () => {
  const script = "for n in 1 2 3; do echo line $n; done; exit 3";
  const { id } = await lab.call<JobView>("POST", "/v1/jobs?wait=30s", { script, require });
  expect(await lab.job(id)).toMatchObject({
    state: "failed",
    exitCode: 3,
    worker: lab.workers[0]!.id,
  });
  expect(await lab.output(id)).toBe("line 1\nline 2\nline 3\n");
});

it("stops a job when it is cancelled", async () => {
  const id = await lab.submit({ script: "sleep 600", require });
  await lab.until(id, "running");
  await lab.call("POST", `/v1/jobs/${id}/cancel`);
  await lab.until(id, "cancelled");
});

it("runs on while the link is cut, and loses nothing", async () => {
  const id = await lab.submit({
    script: "echo before; sleep 1; echo during; sleep 1; echo after",
    require,
  });
  await lab.until(id, "running");
  link.hold("in", "out");
  await until(async () => (await lab.job(id)).state === "running", "the job to run on");
  link.release();
  const { attempt } = await lab.until(id, "succeeded");
  expect(attempt).toBe(1);
  expect(await lab.output(id)).toBe("before\nduring\nafter\n");
});
