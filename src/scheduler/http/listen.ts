// Serves the app on a port: bounded in what it takes and how long, ended in good order.
import { once } from "node:events";
import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";

import { MillraceError } from "../../shared/errors.ts";
import {
  distrustOf,
  readTlsFiles,
  watchTlsFiles,
  type TlsFiles,
} from "../../shared/io/tls-files.ts";
import type { HttpEnv } from "./env.ts";
import { bareProblem, rawProblem } from "./problem.ts";
import { isUploading } from "./upload.ts";

export type ListenOptions = {
  host: string;
  /** 0: any free port. */
  port: number;
  /** How long requests under way may take to end once the server stops; default 5 s. */
  graceMs?: number;
  /** Serves HTTPS; the files may be exchanged while it runs. */
  tls?: TlsFiles | undefined;
  /** How often the files are looked at, in milliseconds; default 5 s. */
  tlsCheckMs?: number;
  /** How long a request may take to arrive, in milliseconds; default 10 s for its headers, 30 s for all of it unless it is an upload. Answers take as long as they take. */
  arrival?: { headersMs: number; wholeMs: number };
};

export type Listening = AsyncDisposable & { readonly url: string; readonly port: number };

const MAX_HEADER_BYTES = 16_384;
const CHECK_MS = 1_000;
const GRACE_MS = 5_000;
const ARRIVAL = { headersMs: 10_000, wholeMs: 30_000 };

/** Resolves when the port is open. Throws `invalid_config` when it cannot be had. */
export async function listen(
  app: Pick<Hono<HttpEnv>, "fetch">,
  options: ListenOptions,
): Promise<Listening> {
  const { host, port, graceMs = GRACE_MS, arrival = ARRIVAL, tls } = options;
  const answer = getRequestListener(app.fetch, { errorHandler: refuseRequest });
  const limits = {
    maxHeaderSize: MAX_HEADER_BYTES,
    // told as a problem by `refuseRequest`
    requireHostHeader: false,
    headersTimeout: arrival.headersMs,
    requestTimeout: arrival.wholeMs,
    connectionsCheckingInterval: Math.min(CHECK_MS, arrival.headersMs),
  };
  const serve: RequestListener = (request, response) => {
    const distrust = tls?.clientCa === undefined ? undefined : distrustOf(request.socket);
    if (distrust === undefined) void answer(request, response);
    else refuseClient(response, distrust);
  };
  const server =
    tls === undefined
      ? createServer(limits, serve)
      : createTlsServer({ ...limits, ...(await readTlsFiles(tls)) }, serve);
  server.on("clientError", refuseBytes);
  await open(server, host, port);
  const watching =
    tls !== undefined && "setSecureContext" in server
      ? watchTlsFiles(tls, (context) => server.setSecureContext(context), options.tlsCheckMs)
      : undefined;
  const own = (server.address() as AddressInfo).port;
  return {
    port: own,
    url: `${tls === undefined ? "http" : "https"}://${host.includes(":") ? `[${host}]` : host}:${own}`,
    [Symbol.asyncDispose]() {
      watching?.[Symbol.dispose]();
      return close(server, graceMs);
    },
  };
}

async function open(server: Server, host: string, port: number): Promise<void> {
  server.listen({ host, port });
  try {
    await once(server, "listening");
  } catch (error) {
    throw new MillraceError(
      "invalid_config",
      `Port ${port} on ${host} cannot be opened; it may be in use: choose another.`,
      { cause: error, field: "port" },
    );
  }
}

async function close(server: Server, graceMs: number): Promise<void> {
  const closed = once(server, "close");
  server.close();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}

/** A request that is complete but no request to any server, such as one with a nonsensical host. */
function refuseRequest(error: unknown): Response {
  const { body, ...rest } = bareProblem(
    new MillraceError("invalid_header", "The request's target or Host header is malformed.", {
      cause: error,
    }),
  );
  return new Response(body, rest);
}

function refuseClient(response: ServerResponse, distrust: string): void {
  const { status, headers, body } = bareProblem(
    new MillraceError("unauthenticated", `A client certificate is needed: ${distrust}.`),
  );
  response.writeHead(status, { ...headers, Connection: "close" }).end(body);
}

const LATE = "ERR_HTTP_REQUEST_TIMEOUT";
const REFUSALS: Readonly<Record<string, MillraceError>> = {
  HPE_HEADER_OVERFLOW: new MillraceError(
    "headers_too_large",
    `Headers and path may have ${MAX_HEADER_BYTES} bytes in all.`,
  ),
  [LATE]: new MillraceError("request_timeout", "Send the whole request without pausing."),
};
const MALFORMED = new MillraceError("invalid_header", "This is not an HTTP request.");

/** Bytes that never became a request. */
function refuseBytes(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === LATE && isUploading(socket)) return;
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(rawProblem(REFUSALS[error.code ?? ""] ?? MALFORMED));
}
