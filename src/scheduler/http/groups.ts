// Groups of jobs: submit one, look at it, end it, have what failed tried again.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { text } from "../../shared/fields.ts";
import { parseGroupSpec, type GroupSpec } from "../../shared/group.ts";
import { noGroup, type VersionedGroup } from "../../shared/io/group-store.ts";
import { SPEC_DEFAULTS, specError } from "../../shared/spec.ts";
import type { Caller } from "../auth/caller.ts";
import { fingerprintOf } from "../submission/idempotency.ts";
import { requireStorable } from "../submission/submit.ts";
import { json, jsonBody, problems, waitParameter } from "./answers.ts";
import { readJson, readOptionalJson } from "./body.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { groupSchema, groupView } from "./group-view.ts";
import { awaitGroup } from "./group-wait.ts";
import { readKey } from "./idempotency-key.ts";
import { groupParams } from "./ids.ts";
import { keyParameter } from "./jobs.ts";
import { GROUP_REFERENCE } from "./spec-schema.ts";

const waitQuery = z.strictObject({ wait: waitParameter });
const cancelBody = z.strictObject({ reason: text(1_000).min(1).default("Cancelled by request.") });

const submitRoute = createRoute({
  method: "post",
  path: "/v1/groups",
  summary: "Submit a group of jobs",
  description:
    "The whole plan is checked, then stored in one write; the jobs are made from it as their needs are met. `wait` answers when it is over.",
  parameters: [keyParameter],
  request: { query: waitQuery, body: { ...jsonBody(GROUP_REFERENCE), required: true } },
  responses: {
    200: json("With `wait`: it is over.", groupSchema),
    202: json("The group is stored and will reach one final state.", groupSchema),
    ...problems(409, 413, 415, 422, 507),
  },
});

const getRoute = createRoute({
  method: "get",
  path: "/v1/groups/{id}",
  summary: "Look at a group",
  request: { params: groupParams, query: waitQuery },
  responses: { 200: json("The group.", groupSchema), ...problems(404) },
});

const cancelRoute = createRoute({
  method: "post",
  path: "/v1/groups/{id}/cancel",
  summary: "Cancel a group",
  description: "Nothing more of it is begun, and every job of it that is live is cancelled.",
  request: {
    params: groupParams,
    body: jsonBody({
      type: "object",
      properties: { reason: { type: "string", minLength: 1, maxLength: 1_000 } },
    }),
  },
  responses: {
    202: json("The wish is stored. Asking again changes nothing.", groupSchema),
    ...problems(404, 409, 413, 415, 422, 507),
  },
});

const retryRoute = createRoute({
  method: "post",
  path: "/v1/groups/{id}/retry",
  summary: "Try again what failed",
  description:
    "Jobs that failed, were cancelled or expired run once more, members that were skipped are looked at again, and what succeeded stays.",
  request: { params: groupParams },
  responses: { 202: json("It runs again.", groupSchema), ...problems(404, 409, 507) },
});

const deleteRoute = createRoute({
  method: "delete",
  path: "/v1/groups/{id}",
  summary: "Remove a finished group and its jobs",
  request: { params: groupParams },
  responses: { 204: { description: "It is gone." }, ...problems(404, 409, 507) },
});

export function createGroupRoutes(deps: HttpDeps) {
  const { groups, newJobId, broker, closing, reservations } = deps;

  function parse(body: unknown): GroupSpec {
    const spec = parseGroupSpec(body);
    for (const [place, member] of spec.members.entries())
      requireStorable(member.spec, broker.maxPayload, `members[${place}].spec`);
    return spec;
  }

  /** A group of another namespace is answered for as if there were none. */
  async function requireOwn({ namespace }: Caller, groupId: string): Promise<VersionedGroup> {
    const found = await groups.read(groupId);
    if (namespace === undefined || found.record.origin?.namespace === namespace) return found;
    throw noGroup(groupId);
  }

  async function requireReservations({ members }: GroupSpec, caller: Caller): Promise<void> {
    for (const { spec } of members)
      if (spec.reservation !== undefined)
        await reservations.requireUse(spec.reservation, caller, spec.slots ?? SPEC_DEFAULTS.slots);
  }

  async function submit(spec: GroupSpec, caller: Caller, key: string | undefined) {
    const { name, namespace } = caller;
    const permit = () => requireReservations(spec, caller);
    const by = { actor: name, ...(namespace === undefined ? {} : { origin: { namespace } }) };
    if (key === undefined) return groups.submit(newJobId(), spec, by, permit);
    const fingerprint = fingerprintOf(spec);
    return groups.submit(groups.idFor(key, namespace), spec, { ...by, fingerprint }, permit);
  }

  return new OpenAPIHono<HttpEnv>()
    .openapi(submitRoute, async (c) => {
      const key = readKey(c.req.header("idempotency-key"));
      const { wait } = c.req.valid("query");
      const spec = parse(await readJson(c));
      const accepted = await submit(spec, c.get("caller"), key);
      const { id } = accepted.record;
      c.header("Location", `/v1/groups/${id}`);
      if (accepted.replayed) c.header("Idempotent-Replayed", "true");
      if (wait === undefined) return c.json(groupView(accepted.record, groups.index), 202);
      const { record } = await awaitGroup(groups, id, wait, c.req.raw.signal, closing);
      return c.json(groupView(record, groups.index), record.finishedAt === undefined ? 202 : 200);
    })
    .openapi(getRoute, async (c) => {
      const { id } = c.req.valid("param");
      const { wait } = c.req.valid("query");
      const found = await requireOwn(c.get("caller"), id);
      const { record } =
        wait === undefined ? found : await awaitGroup(groups, id, wait, c.req.raw.signal, closing);
      return c.json(groupView(record, groups.index), 200);
    })
    .openapi(cancelRoute, async (c) => {
      const { id } = c.req.valid("param");
      const parsed = cancelBody.safeParse(await readOptionalJson(c));
      if (!parsed.success) throw specError(parsed.error);
      const caller = c.get("caller");
      await requireOwn(caller, id);
      const { record } = await groups.cancel(id, caller.name, parsed.data.reason);
      return c.json(groupView(record, groups.index), 202);
    })
    .openapi(retryRoute, async (c) => {
      const { id } = c.req.valid("param");
      const caller = c.get("caller");
      await requireOwn(caller, id);
      const { record } = await groups.retry(id, caller.name);
      return c.json(groupView(record, groups.index), 202);
    })
    .openapi(deleteRoute, async (c) => {
      const { id } = c.req.valid("param");
      await requireOwn(c.get("caller"), id);
      await groups.remove(id);
      return c.body(null, 204);
    });
}
