// The OpenAPI document says what there is, all of it, and nothing else.
import { describe, expect, it } from "vitest";

import { createApp } from "../../../../src/scheduler/http/app.ts";
import { describe as describeApi } from "../../../../src/scheduler/http/docs.ts";
import { fakeDeps } from "./fake-deps.ts";

const app = createApp(fakeDeps());
const document = describeApi(app);

/** Answers about the document itself, not about jobs. */
const isAboutItself = (path: string) => path === "/v1/openapi.json" || path.startsWith("/docs");

describe("the OpenAPI document", () => {
  it("has every route and no other", () => {
    const served = app.routes
      .filter(({ method, path }) => method !== "ALL" && !isAboutItself(path))
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)(?:\{[^}]+\})?/g, "{$1}")}`);
    const documented = Object.entries(document.paths ?? {}).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(documented.toSorted()).toEqual([...new Set(served)].toSorted());
    expect(documented.length).toBeGreaterThan(20);
  });

  it("names no schema that it does not have", () => {
    const text = JSON.stringify(document);
    const named = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(
      ([, name]) => name ?? "",
    );
    expect(named).toContain("JobSpec");
    expect(Object.keys(document.components?.schemas ?? {})).toEqual(expect.arrayContaining(named));
    expect(text).not.toContain("$defs");
  });

  it("shows every field of a spec with what it means", () => {
    const spec = document.components?.schemas?.["JobSpec"];
    const properties: object =
      spec !== undefined && "properties" in spec ? (spec.properties ?? {}) : {};
    expect(Object.keys(properties)).toEqual(
      expect.arrayContaining(["command", "retry", "input", "retention"]),
    );
    expect(properties).toMatchObject({
      priority: { minimum: 0, maximum: 9, description: expect.any(String) },
    });
  });
});
