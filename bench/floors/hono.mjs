// The floor of HTTP: hono that checks the same JSON by the same schema and stores nothing, or sends a file.
// Prints its address. --cert and --key: over TLS. --nats: it stores them after all, before it answers.
import { createReadStream, readFileSync } from "node:fs";
import { createServer } from "node:https";
import { Readable } from "node:stream";
import { parseArgs } from "node:util";
import { serve } from "@hono/node-server";
import { Hono } from "hono";

import { connectBroker } from "../../dist/shared/io/broker.js";
import { ensureTopology } from "../../dist/shared/io/topology.js";
import { jobSpecSchema } from "../../dist/shared/spec.js";

const {
  positionals: [file],
  values: { cert, key, nats },
} = parseArgs({
  allowPositionals: true,
  options: { cert: { type: "string" }, key: { type: "string" }, nats: { type: "string" } },
});
const tls =
  cert === undefined
    ? undefined
    : { createServer, serverOptions: { cert: readFileSync(cert), key: readFileSync(key) } };
const store = nats === undefined ? undefined : await openStore(nats);
let count = 0;

/** A stream beside the installation's, as durable. */
async function openStore(url) {
  const broker = await connectBroker({ url, identity: "hono", prefix: "floor" });
  await ensureTopology(broker);
  return (id, job) =>
    broker.publish(broker.subjects.jobs.record(id), JSON.stringify(job), { expectSubject: 0 });
}

const app = new Hono()
  .post("/v1/jobs", async (c) => {
    const spec = jobSpecSchema.safeParse(await c.req.json());
    if (!spec.success) return c.json({ error: spec.error.message }, 422);
    count += 1;
    const job = { id: String(count), spec: spec.data, state: "queued" };
    await store?.(job.id, job);
    return c.json(job, 202);
  })
  .get("/file", (c) =>
    c.body(Readable.toWeb(createReadStream(file)), 200, {
      "content-type": "text/plain; charset=utf-8",
    }),
  );

serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1", ...tls }, ({ port }) =>
  console.log(
    JSON.stringify({ url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}` }),
  ),
);
