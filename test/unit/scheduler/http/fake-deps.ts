// The facade's surroundings without a broker: one store in memory and an empty index.
import { createAdmission } from "../../../../src/scheduler/admission.ts";
import { openToAnybody } from "../../../../src/scheduler/auth/authenticate.ts";
import { unlimited } from "../../../../src/scheduler/auth/rate-limit.ts";
import type { HttpDeps } from "../../../../src/scheduler/http/deps.ts";
import { createBoard } from "../../../../src/scheduler/core/board.ts";
import { createRunIndex } from "../../../../src/scheduler/definitions/run-index.ts";
import { createGroupIndex } from "../../../../src/scheduler/groups/group-index.ts";
import { silentLog } from "../../../../src/shared/io/log.ts";
import { createSubjects } from "../../../../src/shared/subjects.ts";

const unexpected = (): never => {
  throw new Error("not expected here");
};

export function fakeDeps(changes: Partial<HttpDeps> = {}): HttpDeps {
  const view = createBoard();
  return {
    store: {
      create: unexpected,
      read: unexpected,
      unreadableAt: unexpected,
      readNearby: unexpected,
      write: unexpected,
      update: unexpected,
      remove: unexpected,
      requestCancel: unexpected,
      cancelIntent: unexpected,
      clearCancel: unexpected,
    },
    files: { put: unexpected, read: unexpected, stat: unexpected },
    view,
    admission: createAdmission(view),
    logs: { read: unexpected },
    broker: {
      isUp: () => true,
      maxPayload: 8_388_608,
      range: unexpected,
      streamState: unexpected,
      subjects: createSubjects(),
    },
    auth: {
      authenticate: openToAnybody,
      admit: unlimited,
      audit: { tell: async () => {}, read: unexpected },
    },
    keys: {
      store: { read: unexpected, put: unexpected, remove: unexpected },
      shelf: { get: unexpected, entries: unexpected, watch: unexpected },
    },
    enrolments: {
      store: { read: unexpected, put: unexpected, remove: unexpected },
      shelf: { get: unexpected, entries: unexpected, watch: unexpected },
      putOut: unexpected,
    },
    clock: { now: () => 1_000, mono: () => 1_000 },
    log: silentLog,
    newJobId: () => "k3v9x0q2m7c1w8z5b4n6",
    control: unexpected,
    release: unexpected,
    groups: {
      submit: unexpected,
      submittedBefore: unexpected,
      idFor: unexpected,
      read: unexpected,
      cancel: unexpected,
      retry: unexpected,
      remove: unexpected,
      index: createGroupIndex(),
    },
    bundles: {
      list: () => [],
      read: unexpected,
      push: unexpected,
      open: unexpected,
      remove: unexpected,
      resolve: unexpected,
    },
    definitions: {
      desk: { read: unexpected, put: unexpected, remove: unexpected },
      shelf: { entries: () => [], get: () => undefined },
      runs: createRunIndex(),
      start: unexpected,
      purge: unexpected,
      nextRunAt: () => undefined,
    },
    reservations: {
      reserve: unexpected,
      list: unexpected,
      read: unexpected,
      renew: unexpected,
      release: unexpected,
      requireUse: unexpected,
    },
    webhooks: {
      list: unexpected,
      read: unexpected,
      put: unexpected,
      remove: unexpected,
      deadLetters: unexpected,
      redeliver: unexpected,
    },
    schedules: {
      list: unexpected,
      get: unexpected,
      put: unexpected,
      remove: unexpected,
      pause: unexpected,
      resume: unexpected,
      pauseEvery: unexpected,
      everyPause: unexpected,
      trigger: unexpected,
      backfill: unexpected,
      nextRunAt: unexpected,
      next: unexpected,
      events: unexpected,
    },
    calendars: { list: unexpected, get: unexpected, put: unexpected, remove: unexpected },
    queues: { put: unexpected, purge: unexpected },
    leader: () => undefined,
    ready: () => true,
    metrics: async () => "",
    closing: new AbortController().signal,
    ...changes,
  };
}
