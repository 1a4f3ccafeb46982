// Answers that go on for as long as something happens: server-sent events and other streams, as fast as the caller reads them.
import type { Context } from "hono";

import type { Log } from "../../shared/io/log.ts";
import type { HttpEnv } from "./env.ts";

export const SSE_TYPE = "text/event-stream";
export const NDJSON_TYPE = "application/x-ndjson";

const KEEP_ALIVE_MS = 15_000;
const KEEP_ALIVE = Buffer.from(": still here\n\n");

export type StreamDeps = { log: Log; closing: AbortSignal; keepAliveMs?: number };

export type Source = {
  pieces: AsyncIterator<string | Uint8Array>;
  /** Ends the source: nobody reads it any more, or the server stops. */
  stop: AbortController;
};

/** One event; `data` is a JSON value. */
export const sseEvent = (name: string, data: unknown, id?: string): string =>
  `${id === undefined ? "" : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

/** True when the caller asked for server-sent events. */
export const wantsEvents = (c: Context): boolean =>
  c.req.header("accept")?.includes(SSE_TYPE) ?? false;

/**
 * Answers with the source's pieces, asking for the next only when the last is on its way. Silent event streams are kept alive by comments.
 * When the server stops, streams that say where they end do so in good order; others are cut, so that nobody takes them for whole.
 */
export function streamAnswer(
  c: Context<HttpEnv>,
  deps: StreamDeps,
  contentType: string,
  { pieces, stop }: Source,
  status: 200 | 206 = 200,
): Response {
  const { closing, log, keepAliveMs = KEEP_ALIVE_MS } = deps;
  const headers = { "Content-Type": contentType, "Cache-Control": "no-store" };
  const isEvents = contentType === SSE_TYPE;
  const endsVisibly = contentType === SSE_TYPE || contentType === NDJSON_TYPE;
  let silence: NodeJS.Timeout | undefined;

  const onClosing = () => stop.abort();
  closing.addEventListener("abort", onClosing);
  if (closing.aborted) onClosing();

  function finish(): void {
    clearInterval(silence);
    closing.removeEventListener("abort", onClosing);
    stop.abort();
  }

  // a body that nobody reads is not cancelled either
  if (c.req.method === "HEAD") {
    finish();
    return c.body(null, 200, headers);
  }

  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      // who does not read what there is needs no sign of life
      const comment = () => controller.desiredSize !== 0 && controller.enqueue(KEEP_ALIVE);
      if (isEvents) silence = setInterval(comment, keepAliveMs);
    },
    async pull(controller) {
      try {
        const { done, value } = await pieces.next();
        silence?.refresh();
        if (!done) return controller.enqueue(bytesOf(value));
        if (closing.aborted && !endsVisibly) cut(c);
      } catch (error) {
        log.warn(
          { event: "stream_failed", requestId: c.get("requestId"), error },
          "a stream broke off",
        );
        cut(c);
      }
      finish();
      controller.close();
    },
    async cancel() {
      finish();
      await pieces.return?.();
    },
  });
  return c.body(body, status, headers);
}

const bytesOf = (piece: string | Uint8Array): Uint8Array =>
  typeof piece === "string" ? Buffer.from(piece) : piece;

/** Ends the connection so that the caller sees an unfinished answer. */
function cut(c: Context<HttpEnv>): void {
  const { outgoing } = c.env ?? {};
  outgoing?.destroy();
}
