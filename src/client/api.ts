// Talks to a Millrace server. On node:http, since the first use of fetch costs a short command 150 ms.
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { pipeline } from "node:stream/promises";
import type { SecureContextOptions } from "node:tls";

import { tlsProblem } from "../shared/io/tls.ts";
import { ERROR_CODES, MillraceError, type ErrorCode, type Problem } from "../shared/errors.ts";

/** How a caller shows a server who it is, and how it knows the server. */
export type Identity = {
  /** Sent as a bearer token. */
  token?: string;
  tls: SecureContextOptions;
};

export type Call = {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it comes, instead of a body. */
  content?: { source: AsyncIterable<Uint8Array>; type: string };
  headers?: Record<string, string>;
  /** What is undefined is left out; a list repeats its key. */
  query?: Record<string, string | number | readonly string[] | undefined>;
  signal?: AbortSignal;
  /** Longest wait for the whole answer, which begins anew with each piece of content that goes out; default 15 s. */
  timeoutMs?: number;
};

export type Answer<T> = { value: T; headers: IncomingMessage["headers"] };

export type Api = {
  readonly url: string;
  call<T>(path: string, call?: Call): Promise<T>;
  /** As `call`, with the headers of the answer. */
  exchange<T>(path: string, call?: Call): Promise<Answer<T>>;
  /** The body as it arrives. Only the wait for its beginning is bounded. */
  open(path: string, accept: string, call?: Call): Promise<AsyncIterable<Uint8Array>>;
};

const TIMEOUT_MS = 15_000;

/** Every failure is a MillraceError: the server's own, or `server_unreachable`. Throws `invalid_config`. */
export function createApi(url: string, identity: Identity = { tls: {} }): Api {
  if (!URL.canParse(url))
    throw new MillraceError(
      "invalid_config",
      `"${url}" is no address of a server; write it as http://127.0.0.1:7070.`,
    );

  async function send(path: string, call: Call, accept: string): Promise<IncomingMessage> {
    const response = await exchangeHead(target(url, path, call.query), call, accept, identity);
    if ((response.statusCode ?? 500) < 400) return response;
    throw problemError(response.statusCode ?? 500, await readText(response), url);
  }

  async function exchange<T>(path: string, call: Call = {}): Promise<Answer<T>> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), call.timeoutMs ?? TIMEOUT_MS);
    const signal = call.signal ? AbortSignal.any([call.signal, late.signal]) : late.signal;
    const content = call.content && watched(call.content, () => timer.refresh());
    try {
      const response = await send(
        path,
        { ...call, ...(content && { content }), signal },
        "application/json",
      );
      const text = await readText(response);
      return {
        value: (text === "" ? undefined : JSON.parse(text)) as T,
        headers: response.headers,
      };
    } catch (error) {
      throw known(error, url, call.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    url,
    exchange,
    call: async <T>(path: string, call?: Call) => (await exchange<T>(path, call)).value,
    async open(path, accept, call = {}) {
      try {
        return stream(await send(path, call, accept), url, call.signal);
      } catch (error) {
        throw known(error, url, call.signal);
      }
    },
  };
}

function target(url: string, path: string, query: Call["query"] = {}): URL {
  const address = new URL(path.replace(/^\//, ""), url.endsWith("/") ? url : `${url}/`);
  for (const [key, value] of Object.entries(query))
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined) address.searchParams.append(key, String(one));
  return address;
}

function exchangeHead(
  address: URL,
  call: Call,
  accept: string,
  { token, tls }: Identity,
): Promise<IncomingMessage> {
  const { method = "GET", body, content, headers = {}, signal } = call;
  const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const isSecure = address.protocol === "https:";
  const send = isSecure ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(address, {
      method,
      ...(signal === undefined ? {} : { signal }),
      ...(isSecure ? tls : {}),
      headers: {
        accept,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
        ...(payload && { "content-type": "application/json", "content-length": payload.length }),
        ...(content && { "content-type": content.type }),
      },
    });
    request.once("response", resolve).once("error", reject);
    if (content === undefined) request.end(payload);
    else pipeline(content.source, request).catch(reject);
  });
}

function watched({ source, type }: NonNullable<Call["content"]>, onPiece: () => void) {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for await (const piece of source) {
      onPiece();
      yield piece;
    }
  }
  return { source: pieces(), type };
}

async function readText(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

async function* stream(
  response: IncomingMessage,
  url: string,
  signal: AbortSignal | undefined,
): AsyncIterable<Uint8Array> {
  try {
    for await (const piece of response) yield piece as Buffer;
  } catch (error) {
    throw known(error, url, signal);
  }
}

/** The error that a problem+json answer describes. */
export function problemError(status: number, text: string, url: string): MillraceError {
  const problem = parseProblem(text);
  if (problem === undefined)
    return new MillraceError(
      "server_unreachable",
      `What answers at ${url} (status ${status}) is no Millrace server.`,
    );
  const code = ERROR_CODES.includes(problem.code) ? problem.code : ("internal" satisfies ErrorCode);
  return new MillraceError(
    code,
    problem.detail,
    problem.field === undefined ? {} : { field: problem.field },
  );
}

function parseProblem(text: string): Problem | undefined {
  try {
    const value = JSON.parse(text) as Partial<Problem> | null;
    return typeof value?.code === "string" && typeof value.detail === "string"
      ? (value as Problem)
      : undefined;
  } catch {
    return undefined;
  }
}

function known(error: unknown, url: string, signal: AbortSignal | undefined): unknown {
  if (error instanceof MillraceError || signal?.aborted) return error;
  const distrust = tlsProblem(error);
  if (distrust !== undefined)
    return new MillraceError("server_unreachable", `The server at ${url}: ${distrust}.`, {
      cause: error,
    });
  return new MillraceError(
    "server_unreachable",
    `No Millrace server answers at ${url}. Start one with \`millrace dev\`, or name one with --url.`,
    { cause: error },
  );
}
