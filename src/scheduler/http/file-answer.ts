// Answers with a stored file, or the part of it that was asked for; a browser saves it and never shows it as a page.
import type { Readable } from "node:stream";
import type { Context } from "hono";

import { MillraceError } from "../../shared/errors.ts";
import type { Digest } from "../../shared/file.ts";
import { byteRange } from "./byte-range.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { streamAnswer } from "./streaming.ts";

export const OCTETS_TYPE = "application/octet-stream";

export type ServedFile = {
  digest: Digest;
  bytes: number;
  /** What it is to be called where it is saved. */
  name: string;
};

/** Throws `file_not_found` and `range_unsatisfiable`. */
export async function answerFile(
  c: Context<HttpEnv>,
  deps: Pick<HttpDeps, "files" | "log" | "closing">,
  { digest, bytes, name }: ServedFile,
): Promise<Response> {
  const tag = `"${digest}"`;
  c.header("ETag", tag);
  c.header("Accept-Ranges", "bytes");
  c.header("Cache-Control", "private, no-cache");
  if (
    c.req
      .header("if-none-match")
      ?.split(",")
      .some((one) => one.trim() === tag)
  )
    return c.body(null, 304);
  await requireFile(deps, digest);
  const isCurrent = (c.req.header("if-range") ?? tag) === tag;
  const range = isCurrent ? byteRange(c.req.header("range"), bytes) : undefined;
  if (range === "unsatisfiable") {
    c.header("Content-Range", `bytes */${bytes}`);
    throw new MillraceError("range_unsatisfiable", `The file has ${bytes} bytes.`, {
      field: "Range",
    });
  }
  const { from, to } = range ?? { from: 0, to: bytes };
  if (range !== undefined) c.header("Content-Range", `bytes ${from}-${to - 1}/${bytes}`);
  c.header("Content-Length", String(to - from));
  c.header("Content-Disposition", `attachment; filename*=UTF-8''${encodeName(name)}`);
  c.header("Content-Security-Policy", "sandbox; default-src 'none'");
  const status = range === undefined ? 200 : 206;
  if (c.req.method === "HEAD") return c.body(null, status, { "Content-Type": OCTETS_TYPE });
  const stop = new AbortController();
  const pieces = piecesOf(deps.files.read(digest, { from, to, signal: stop.signal }), stop);
  return streamAnswer(c, deps, OCTETS_TYPE, { pieces, stop }, status);
}

/** Known before anything is sent, so that it can still be said. */
async function requireFile({ files }: Pick<HttpDeps, "files">, digest: Digest): Promise<void> {
  if ((await files.stat(digest)) !== undefined) return;
  throw new MillraceError("file_not_found", `The file ${digest} has been removed.`);
}

async function* piecesOf(source: Readable, stop: AbortController): AsyncGenerator<Uint8Array> {
  stop.signal.addEventListener("abort", () => source.destroy(), { once: true });
  for await (const bytes of source) yield bytes as Uint8Array;
}

const encodeName = (name: string): string =>
  encodeURIComponent(name).replace(/['()*]/g, (one) => `%${one.charCodeAt(0).toString(16)}`);
