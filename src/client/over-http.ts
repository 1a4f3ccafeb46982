// The library over HTTP.
import { hasCode } from "../shared/errors.ts";
import { durationMs } from "../shared/durations.ts";
import type { Api } from "./api.ts";
import { listArtifacts, readArtifact, wholeJob } from "./artifacts.ts";
import { followLogs, readLogs } from "./follow.ts";
import { awaitEnd, cancel, getJob, jobPath, submit } from "./jobs.ts";
import {
  NEVER,
  reservationOf,
  runHandler,
  type Millrace,
  type ReserveOptions,
} from "./millrace.ts";
import { persistently } from "./persistence.ts";

type Held = { id: string; worker: string; slots: number };

/** Beside what the caller is ready to wait for a worker. */
const ANSWER_MS = 15_000;

const waitOf = ({ waitBusy = "0s", waitNoMatch = "0s" }: ReserveOptions): number =>
  Math.max(durationMs(waitBusy), durationMs(waitNoMatch));

export function createHttpMillrace(api: Api): Millrace {
  const millrace: Millrace = {
    async submit(spec, { key = crypto.randomUUID(), signal = NEVER } = {}) {
      return (await persistently(signal, () => submit(api, spec, key, signal))).id;
    },
    run: (handler, input, options) => runHandler(millrace, handler, input, options),
    job: async (id) => wholeJob(api, await getJob(api, id)),
    wait: async (id, { signal = NEVER } = {}) => wholeJob(api, await awaitEnd(api, id, signal)),
    logs: (id, { follow = true, signal = NEVER, ...query } = {}) =>
      (follow ? followLogs : readLogs)(api, id, query, signal),
    artifacts: (id, options) => listArtifacts(api, id, options),
    artifact: (id, path, options) => readArtifact(api, id, path, options),
    async reserve({ signal = NEVER, ...request } = {}) {
      const { id, worker, slots } = await api.call<Held>("/v1/reservations", {
        method: "POST",
        body: request,
        timeoutMs: waitOf(request) + ANSWER_MS,
        signal,
      });
      const path = `/v1/reservations/${id}`;
      return reservationOf(millrace, {
        id,
        worker,
        slots,
        async renew(ttl) {
          await api.call(`${path}/renew`, {
            method: "POST",
            body: ttl === undefined ? {} : { ttl },
          });
        },
        async release() {
          try {
            await api.call(path, { method: "DELETE" });
          } catch (error) {
            // over already, by its time or by an earlier call
            if (!hasCode(error, "not_found")) throw error;
          }
        },
      });
    },
    async cancel(id, reason) {
      await cancel(api, id, reason);
    },
    async retry(id) {
      await api.call(`${jobPath(id)}/retry`, { method: "POST" });
    },
    async close() {
      // nothing is kept open between calls
    },
    [Symbol.asyncDispose]: () => millrace.close(),
  };
  return millrace;
}
