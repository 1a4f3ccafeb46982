// The routes that ask something of their callers, for tests that try them all.
import { ACCESS } from "../../../src/scheduler/http/auth-table.ts";
import { newJobId } from "../http/http-lab.ts";

/** Every route that asks something of its caller, with a target that is not there. */
export const guarded = Object.entries(ACCESS).flatMap(([route, { scope, inNamespace }]) => {
  const [method = "", pattern = ""] = route.split(" ");
  const path = pattern.replace(":id", newJobId()).replace(":name", "default");
  const body = method === "GET" ? undefined : {};
  return scope === undefined ? [] : [{ method, path, body, scope, inNamespace }];
});
