// Bodies of any length: they may take as long as they like, if only they go on arriving.
import type { Duplex } from "node:stream";
import type { Context } from "hono";

import { MillraceError } from "../../shared/errors.ts";
import { deferred } from "../../shared/io/lifecycle.ts";
import type { HttpEnv } from "./env.ts";

/** Who sends fewer bytes than that in the time is taken for somebody who only wants to keep us waiting. */
export type Pace = { bytes: number; withinMs: number };

const PACE: Pace = { bytes: 65_536, withinMs: 30_000 };

/** Connections whose request has a pace of its own instead of the time that all others have. */
const uploading = new WeakSet<Duplex>();

export const isUploading = (socket: Duplex): boolean => uploading.has(socket);

/** The body as it arrives. Throws `request_timeout` when it breaks off or comes too slowly; the time that the reader takes does not count. */
export async function* readUpload(
  c: Context<HttpEnv>,
  pace: Pace = PACE,
): AsyncGenerator<Uint8Array> {
  const socket = c.env?.incoming?.socket;
  const { body } = c.req.raw;
  if (body === null) return;
  const reader = body.getReader();
  if (socket !== undefined) uploading.add(socket);
  try {
    let left = { ...pace };
    for (;;) {
      const askedAt = performance.now();
      const { done, value } = await inTime(reader.read(), left.withinMs);
      if (done) return;
      left.withinMs -= performance.now() - askedAt;
      left.bytes -= value.byteLength;
      if (left.bytes <= 0) left = { ...pace };
      yield value;
    }
  } catch (error) {
    throw new MillraceError(
      "request_timeout",
      `The body did not arrive whole, or came too slowly; send it again, at least ${pace.bytes} bytes every ${pace.withinMs / 1_000} s.`,
      { cause: error },
    );
  } finally {
    if (socket !== undefined) uploading.delete(socket);
    // nobody waits for what may never come
    void reader.cancel().catch(() => {});
  }
}

async function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  const late = deferred<never>();
  const timer = setTimeout(() => late.reject(new Error("too few bytes came in time")), ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
