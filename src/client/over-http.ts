// The library over HTTP.
import type { Api } from "./api.ts";
import { followLogs, readLogs } from "./follow.ts";
import { awaitEnd, cancel, getJob, jobPath, submit } from "./jobs.ts";
import { NEVER, runHandler, type Millrace } from "./millrace.ts";
import { persistently } from "./persistence.ts";

export function createHttpMillrace(api: Api): Millrace {
  const millrace: Millrace = {
    async submit(spec, { key = crypto.randomUUID(), signal = NEVER } = {}) {
      return (await persistently(signal, () => submit(api, spec, key, signal))).id;
    },
    run: (handler, input, options) => runHandler(millrace, handler, input, options),
    job: (id) => getJob(api, id),
    wait: (id, { signal = NEVER } = {}) => awaitEnd(api, id, signal),
    logs: (id, { follow = true, signal = NEVER, ...query } = {}) =>
      (follow ? followLogs : readLogs)(api, id, query, signal),
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
