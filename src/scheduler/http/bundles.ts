// Bundles: push an archive under a name, look at its versions, download one, remove.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";

import { isSelector, isTag, LATEST, type Bundle, type BundleVersion } from "../../shared/bundle.ts";
import { MillraceError } from "../../shared/errors.ts";
import { isName } from "../../shared/names.ts";
import { plainName } from "../../shared/scoped-name.ts";
import type { BundleDesk } from "../files/bundle-desk.ts";
import { json, problems } from "./answers.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { instant, iso } from "./job-view.ts";
import { isOwn, ownName } from "./own.ts";
import { streamAnswer } from "./streaming.ts";
import { readUpload } from "./upload.ts";

const ARCHIVE_TYPES = ["application/x-tar", "application/gzip", "application/octet-stream"];

const name = z
  .string()
  .refine(
    isName,
    "A bundle's name has 1-64 letters, digits, - or _, starting and ending with a letter or digit.",
  )
  .openapi({ example: "etl" });
const bundleParams = z.object({ name });
const versionParams = z.object({
  name,
  version: z
    .string()
    .refine(isSelector, "A version is its number, or a tag, or latest.")
    .openapi({ example: "3" }),
});

const versionView = z
  .object({
    version: z.int(),
    digest: z.string().describe("Of the archive as it was pushed; what jobs' records name."),
    size: z.int().describe("Bytes of the archive."),
    files: z.int(),
    unpackedBytes: z.int(),
    at: instant,
    by: z.string(),
    tags: z.array(z.string()).describe("`latest` is the newest."),
  })
  .openapi("BundleVersion");

const bundleView = z
  .object({ name: z.string(), versions: z.array(versionView).describe("Newest first.") })
  .openapi("Bundle");

const listRoute = createRoute({
  method: "get",
  path: "/v1/bundles",
  summary: "List the bundles",
  responses: {
    200: json("By name.", z.object({ bundles: z.array(bundleView) })),
    ...problems(),
  },
});

const getRoute = createRoute({
  method: "get",
  path: "/v1/bundles/{name}",
  summary: "Look at a bundle and its versions",
  request: { params: bundleParams },
  responses: { 200: json("The bundle.", bundleView), ...problems(404) },
});

const putRoute = createRoute({
  method: "put",
  path: "/v1/bundles/{name}",
  summary: "Push a version of a bundle",
  description:
    "The body is a tar archive, plain or gzipped, of files that jobs naming the bundle start with a copy of. What the newest version holds already gets no new number.",
  request: {
    params: bundleParams,
    query: z.object({
      tag: z
        .string()
        .refine(isTag, "A tag is a name that is no number.")
        .optional()
        .describe("A further name for the version, taken from the one that had it."),
    }),
    body: {
      required: true,
      content: Object.fromEntries(
        ARCHIVE_TYPES.map((type) => [type, { schema: { type: "string", format: "binary" } }]),
      ) as Record<string, { schema: { type: "string" } }>,
    },
  },
  responses: {
    200: json("The newest version holds that already.", versionView),
    201: json("It is a new version.", versionView),
    ...problems(408, 409, 413, 415, 422, 507),
  },
});

const downloadRoute = createRoute({
  method: "get",
  path: "/v1/bundles/{name}/versions/{version}",
  summary: "Download a version of a bundle",
  request: { params: versionParams },
  responses: {
    200: { description: "The archive as it was pushed; its digest is the ETag." },
    ...problems(404),
  },
});

const deleteRoute = createRoute({
  method: "delete",
  path: "/v1/bundles/{name}",
  summary: "Remove a bundle",
  description: "Jobs that name it by its digest keep it for as long as they are kept themselves.",
  request: { params: bundleParams },
  responses: { 204: { description: "It is gone." }, ...problems(404, 507) },
});

const deleteVersionRoute = createRoute({
  method: "delete",
  path: "/v1/bundles/{name}/versions/{version}",
  summary: "Remove a version of a bundle",
  description: "Its number is not given again. With its last version the bundle goes, too.",
  request: { params: versionParams },
  responses: { 204: { description: "It is gone." }, ...problems(404, 507) },
});

export function createBundleRoutes(
  deps: Pick<HttpDeps, "bundles" | "uploadPace" | "log" | "closing">,
) {
  const { bundles } = deps;

  return new OpenAPIHono<HttpEnv>()
    .openapi(listRoute, (c) =>
      c.json(
        {
          bundles: bundles
            .list()
            .filter((entry) => isOwn(c, entry))
            .map((entry) => viewOf(plainName(entry.name), entry.value)),
        },
        200,
      ),
    )
    .openapi(getRoute, async (c) => {
      const params = c.req.valid("param");
      return c.json(viewOf(params.name, await bundles.read(ownName(c, params))), 200);
    })
    .openapi(putRoute, async (c) => {
      const { tag } = c.req.valid("query");
      const how = { tag, by: c.get("caller").name };
      const pushed = await push(deps, ownName(c, c.req.valid("param")), c, how);
      return c.json(versionOf(pushed.bundle, pushed.version), pushed.isNew ? 201 : 200);
    })
    .openapi(downloadRoute, async (c) => {
      const params = c.req.valid("param");
      const { version, content } = await bundles.open(ownName(c, params), params.version);
      c.header("ETag", `"${version.digest}"`);
      c.header("Content-Length", String(version.size));
      c.header(
        "Content-Disposition",
        `attachment; filename="${params.name}-${version.version}.tar"`,
      );
      const stop = new AbortController();
      const pieces = content[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
      return streamAnswer(c, deps, "application/octet-stream", { pieces, stop });
    })
    .openapi(deleteRoute, async (c) => {
      await bundles.remove(ownName(c, c.req.valid("param")), undefined, c.get("caller").name);
      return c.body(null, 204);
    })
    .openapi(deleteVersionRoute, async (c) => {
      const params = c.req.valid("param");
      await bundles.remove(ownName(c, params), params.version, c.get("caller").name);
      return c.body(null, 204);
    });
}

async function push(
  { bundles, uploadPace }: Pick<HttpDeps, "bundles" | "uploadPace">,
  scoped: string,
  c: Context<HttpEnv>,
  how: Parameters<BundleDesk["push"]>[2],
) {
  const type = c.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type === undefined || !ARCHIVE_TYPES.includes(type))
    throw new MillraceError(
      "unsupported_media_type",
      `Send a tar archive, with Content-Type: ${ARCHIVE_TYPES.join(" or ")}.`,
    );
  return bundles.push(scoped, readUpload(c, uploadPace), how);
}

const viewOf = (plain: string, bundle: Bundle): z.infer<typeof bundleView> => ({
  name: plain,
  versions: bundle.versions.toReversed().map((version) => versionOf(bundle, version)),
});

function versionOf(
  { versions, tags }: Bundle,
  { at, ...version }: BundleVersion,
): z.infer<typeof versionView> {
  const own = Object.entries(tags).filter(([, to]) => to === version.version);
  const isNewest = versions.at(-1)?.version === version.version;
  return {
    ...version,
    at: iso(at),
    tags: [...(isNewest ? [LATEST] : []), ...own.map(([tag]) => tag).toSorted()],
  };
}
