// The API explained: the OpenAPI document, and a page that shows it, without a byte from anywhere else.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import type { OpenAPIHono } from "@hono/zod-openapi";

import type { HttpEnv } from "./env.ts";

export const DOCUMENT_PATH = "/v1/openapi.json";

const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const ASSETS: Readonly<Record<string, string>> = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "favicon-32x32.png": "image/png",
};

const PAGE = `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Millrace API</title>
    <link rel="stylesheet" href="/docs/swagger-ui.css">
    <link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
  </head>
  <body>
    <div id="api"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

const START = `SwaggerUIBundle({ url: "${DOCUMENT_PATH}", dom_id: "#api", deepLinking: true, validatorUrl: null });\n`;

/** Adds the document, which describes the routes added before, and the page. */
export function addDocs(app: OpenAPIHono<HttpEnv>): void {
  let document: string | undefined;
  app.get(DOCUMENT_PATH, (c) => {
    document ??= JSON.stringify(describe(app));
    return c.body(document, 200, { "Content-Type": "application/json" });
  });
  app.get("/docs", (c) =>
    c.html(PAGE, 200, { "Content-Security-Policy": PAGE_POLICY, "Referrer-Policy": "no-referrer" }),
  );
  app.get("/docs/start.js", (c) =>
    c.body(START, 200, { "Content-Type": "text/javascript; charset=utf-8" }),
  );
  for (const [name, type] of Object.entries(ASSETS))
    app.get(`/docs/${name}`, async (c) =>
      c.body(await readAsset(name), 200, { "Content-Type": type, "Cache-Control": "max-age=3600" }),
    );
}

export const describe = (app: OpenAPIHono<HttpEnv>) =>
  app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Millrace",
      version: "1",
      description: "Runs your scripts and functions on your machines.",
    },
  });

async function readAsset(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const dir = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
  return new Uint8Array(await readFile(join(dir, name)));
}
