// Says why a job has not started, as data and in words.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { formatDuration } from "../../shared/durations.ts";
import { MillraceError } from "../../shared/errors.ts";
import type { Reason } from "../core/board.ts";
import { awaitSeen } from "../submission/seen.ts";
import { json, problems } from "./answers.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { jobParams } from "./ids.ts";
import { iso } from "./job-view.ts";
import { readJob } from "./jobs.ts";

const whySchema = z
  .object({
    job: z.string(),
    reasons: z.array(
      z
        .looseObject({ code: z.string(), message: z.string() })
        .describe("What it waits for; the other members depend on the code."),
    ),
    workers: z.int().describe("Workers known."),
    filters: z
      .array(z.object({ what: z.string(), removed: z.int() }))
      .describe("What removed how many of them, in the order of the tests."),
    ahead: z.int().describe("Jobs with the same needs and the same key that go first."),
  })
  .openapi("Why");

const whyRoute = createRoute({
  method: "get",
  path: "/v1/jobs/{id}/why",
  summary: "Why the job has not started",
  request: { params: jobParams },
  responses: { 200: json("What it waits for.", whySchema), ...problems(404, 410) },
});

export function createWhyRoutes(deps: HttpDeps) {
  const { view, clock } = deps;
  return new OpenAPIHono<HttpEnv>().openapi(whyRoute, async (c) => {
    const { id } = c.req.valid("param");
    await awaitSeen(view, await readJob(deps, id));
    const why = view.why(id, clock.now(), clock.mono());
    if (why === undefined) throw new MillraceError("job_not_found", `Job ${id} has gone.`);
    return c.json({ ...why, reasons: why.reasons.map(reasonView) }, 200);
  });
}

function reasonView(reason: Reason): { code: string; message: string } {
  const shown = "at" in reason ? { ...reason, at: iso(reason.at) } : reason;
  return { ...shown, message: inWords(reason) };
}

/** One sentence for people. Pure. */
export function inWords(reason: Reason): string {
  switch (reason.code) {
    case "finished":
      return `It is over: ${reason.state}.`;
    case "assigned":
      return `It does not wait: attempt ${reason.attempt} is on worker ${reason.worker}.`;
    case "cancel_requested":
      return "It is about to be cancelled.";
    case "expired":
      return "It did not start within its time and is about to expire.";
    case "purged":
      return `Queue ${reason.queue} was purged, and it is about to be cancelled.`;
    case "duplicate":
      return `Job ${reason.of} stands for its unique key, and it is about to be cancelled.`;
    case "not_before":
      return `It is not to start before ${iso(reason.at)}.`;
    case "retry_backoff":
      return `It failed and is tried again at ${iso(reason.at)}.`;
    case "queue_paused":
      return `Queue ${reason.queue} is paused.`;
    case "queue_full":
      return `Queue ${reason.queue} runs ${reason.running} of at most ${reason.maxRunning} attempts at once.`;
    case "rate_limited":
      return `Queue ${reason.queue} starts ${reason.limit} in ${formatDuration(reason.perMs)}; the next at ${iso(reason.at)}.`;
    case "key_busy":
      return `The key ${reason.key} runs ${reason.running} of at most ${reason.limit} at once: ${reason.jobs.join(", ")}.`;
    case "no_workers":
      return "There is no worker; start one with: millrace worker.";
    case "worker_not_present":
      return `Worker ${reason.worker}, which it is pinned to, is not here.`;
    case "no_such_handler":
      return `No worker announces the handler ${reason.handler}.`;
    case "no_such_version":
      return `No worker announces ${reason.handler}; there is ${reason.announced.join(", ")}.`;
    case "no_match":
      return `No worker passes all of: ${reason.constraints.join(", ")}.`;
    case "not_accepting":
      return `Every worker that fits takes no work: ${reason.cordoned} cordoned, ${reason.draining} draining, ${reason.quiet} silent${reason.quarantined === undefined ? "" : `, ${reason.quarantined} quarantined`}.`;
    case "too_few_slots":
      return `It needs ${reason.needed} slots; the largest worker that fits has ${reason.largest}.`;
    case "all_busy":
      return `All ${reason.workers} workers that fit are busy.`;
    case "slots_in_pieces":
      return `It needs ${reason.needed} slots on one worker; the most that are free on one are ${reason.mostFree}.`;
    case "reservation_waiting":
      return `No worker holds the reservation ${reason.reservation} yet, or it is over.`;
    case "reservation_busy":
      return `The reservation ${reason.reservation} has not got ${reason.needed} slots free.`;
    case "worker_kept":
      return `The workers that fit are kept for a larger job of priority ${reason.priority}.`;
    case "next":
      return "It is about to be placed.";
  }
}
