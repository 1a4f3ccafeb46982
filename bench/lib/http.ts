// HTTP as a measuring client speaks it: over connections that stay open, with little of its own.
import { Agent, request, type IncomingMessage } from "node:http";

const agent = new Agent({ keepAlive: true });

export type Asked = { method?: string; headers?: Record<string, string>; body?: string };

/** Resolves with the answer's head; throws when the status is not one of success. */
export function open(url: string, { method, headers = {}, body }: Asked = {}) {
  return new Promise<IncomingMessage>((resolve, reject) => {
    const contentType = body === undefined ? {} : { "content-type": "application/json" };
    const asked = request(url, {
      agent,
      method: method ?? (body === undefined ? "GET" : "POST"),
      headers: { ...contentType, ...headers },
    });
    asked.on("error", reject);
    asked.on("response", (answer) => {
      if ((answer.statusCode ?? 0) < 300) return resolve(answer);
      answer.resume();
      reject(new Error(`${url} answered ${answer.statusCode}`));
    });
    asked.end(body);
  });
}

export async function readAll(answer: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of answer) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

/** Submits a job over HTTP and returns its id. */
export async function post(base: string, spec: object): Promise<string> {
  const answer = await open(`${base}/v1/jobs`, { body: JSON.stringify(spec) });
  return (JSON.parse((await readAll(answer)).toString()) as { id: string }).id;
}

export const EVENTS = { accept: "text/event-stream" };
