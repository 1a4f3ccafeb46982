// Asks a scheduler over HTTP, in the types of its own routes.
import type { hc, InferResponseType } from "hono/client";

import type { Api } from "../../src/scheduler/http/app.ts";
import type { Problem } from "../../src/shared/errors.ts";

export type { JobView } from "../../src/scheduler/http/job-view.ts";

type Client = ReturnType<typeof hc<Api>>["v1"];
export type WorkerView = InferResponseType<Client["workers"][":id"]["$get"], 200>;
export type JobPage = InferResponseType<Client["jobs"]["$get"], 200>;
export type QueueView = InferResponseType<Client["queues"]["$get"], 200>["queues"][number];
export type Stats = InferResponseType<Client["stats"]["$get"], 200>;
export type ScheduleView = InferResponseType<Client["schedules"][":name"]["$get"], 200>;
export type ScheduleEvent = InferResponseType<
  Client["schedules"][":name"]["events"]["$get"],
  200
>["events"][number];
export type Why = InferResponseType<Client["jobs"][":id"]["why"]["$get"], 200>;

export type Asked<T> = { status: number; headers: Headers; body: T };

/** One request; a body goes as JSON, and JSON comes back parsed. Whatever the status, the answer is returned. */
export async function ask<T>(
  url: string,
  method: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Asked<T>> {
  const json = body === undefined ? {} : { "Content-Type": "application/json" };
  const response = await fetch(url, {
    method,
    headers: { ...json, ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json");
  return {
    status: response.status,
    headers: response.headers,
    body: (isJson ? JSON.parse(text) : text) as T,
  };
}

/** As `ask`, and throws what a refusal says. */
export async function demand<T>(url: string, method: string, body?: unknown): Promise<T> {
  const answer = await ask<T | Problem>(url, method, body);
  if (answer.status < 400) return answer.body as T;
  throw new Error(`${method} ${url}: ${answer.status} ${JSON.stringify(answer.body)}`);
}
