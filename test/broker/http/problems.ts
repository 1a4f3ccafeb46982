// What every refused request must look like, and the common refusals.
import { expect } from "vitest";

import type { Problem } from "../../../src/shared/errors.ts";
import type { HttpLab } from "./http-lab.ts";

/** `field`: its text, or a matcher for it. */
export type Expected = { status: number; code: string; field?: unknown };

/** Sends a request to the server at a URL. */
export type Send = (url: string) => Promise<Response>;

/** Runs a request and expects a problem, nothing stored, and a service that still answers. */
export async function expectProblem(
  lab: HttpLab,
  send: Send,
  { status, code, field }: Expected,
): Promise<void> {
  const before = await lab.stored();
  const response = await send(lab.first.url);
  const problem = (await response.json()) as Problem;
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(problem).toMatchObject({ status, code, type: `https://millrace.dev/problems/${code}` });
  expect(response.status).toBe(status);
  expect(problem.requestId).toBe(response.headers.get("x-request-id"));
  expect(problem.field).toEqual(field);
  expect(await lab.stored()).toBe(before);
  expect((await lab.first.call("GET", "/readyz")).status).toBe(200);
}

const JSON_TYPE = { "Content-Type": "application/json" };

/** Sends a body to a path, or nothing. */
export const send =
  (
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: RequestInit["body"],
  ): Send =>
  (url) =>
    fetch(`${url}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body, duplex: "half" }),
    });

export const post = (body: RequestInit["body"], headers: Record<string, string> = {}) =>
  send("POST", "/v1/jobs", { ...JSON_TYPE, ...headers }, body);

export const postJob = (spec: unknown) => post(JSON.stringify(spec));

export const sendJson = (method: string, path: string, body: unknown) =>
  send(method, path, JSON_TYPE, JSON.stringify(body));

export const misfit = (field?: unknown): Expected => ({
  status: 422,
  code: "invalid_spec",
  ...(field === undefined ? {} : { field }),
});
export const badQuery = (field: string): Expected => ({
  status: 400,
  code: "invalid_query",
  field,
});
export const badCursor = (field: string): Expected => ({
  status: 400,
  code: "invalid_cursor",
  field,
});
