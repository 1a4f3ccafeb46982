// The floor of HTTP: hono that checks the same JSON by the same schema and stores nothing, or sends a file.
// Prints its address. --cert and --key: over TLS.
import { createReadStream, readFileSync } from "node:fs";
import { createServer } from "node:https";
import { Readable } from "node:stream";
import { parseArgs } from "node:util";
import { serve } from "@hono/node-server";
import { Hono } from "hono";

import { jobSpecSchema } from "../../dist/shared/spec.js";

const {
  positionals: [file],
  values: { cert, key },
} = parseArgs({
  allowPositionals: true,
  options: { cert: { type: "string" }, key: { type: "string" } },
});
const tls =
  cert === undefined
    ? undefined
    : { createServer, serverOptions: { cert: readFileSync(cert), key: readFileSync(key) } };
let count = 0;

const app = new Hono()
  .post("/v1/jobs", async (c) => {
    const spec = jobSpecSchema.safeParse(await c.req.json());
    if (!spec.success) return c.json({ error: spec.error.message }, 422);
    count += 1;
    return c.json({ id: String(count), spec: spec.data, state: "queued" }, 202);
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
