// The floor of HTTP: hono that checks the same JSON by the same schema and stores nothing, or sends a file.
// Prints its address.
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { serve } from "@hono/node-server";
import { Hono } from "hono";

import { jobSpecSchema } from "../../dist/shared/spec.js";

const [, , file] = process.argv;
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

serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) =>
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}` })),
);
