// Every route says what it asks of its caller: none is open because somebody forgot.
import { expect, test } from "vitest";

import { createApp } from "../../../../src/scheduler/http/app.ts";
import { ACCESS } from "../../../../src/scheduler/http/auth-table.ts";
import { fakeDeps } from "./fake-deps.ts";

const app = createApp(fakeDeps());
const routes = [
  ...new Set(
    app.routes
      .filter(({ method }) => method !== "ALL")
      .map(({ method, path }) => `${method} ${path}`),
  ),
];

test.each(routes)("%s stands in the table", (route) => {
  expect(Object.keys(ACCESS)).toContain(route);
});

test("the table has no other routes", () => {
  expect(Object.keys(ACCESS).toSorted()).toEqual(routes.toSorted());
});

test("what changes something is open to nobody in particular", () => {
  const open = Object.entries(ACCESS).filter(([, { scope }]) => scope === undefined);
  expect(open.map(([route]) => route.split(" ")[0])).toEqual(open.map(() => "GET"));
});
