// A scheduler's life: connect, learn what there is, serve the API, stand for election, and leave in good order.
import { hostname } from "node:os";
import { customAlphabet } from "nanoid";

import { connectBroker, START_PATIENCE_MS, type Broker } from "../shared/io/broker.ts";
import { createHappenings } from "../shared/io/happenings.ts";
import { createJobStore } from "../shared/io/job-store.ts";
import { withLargeValues } from "../shared/io/large-values.ts";
import { runAll } from "../shared/io/lifecycle.ts";
import { createLog, type Log } from "../shared/io/log.ts";
import { createQueueStore } from "../shared/io/queue-store.ts";
import { ensureTopology } from "../shared/io/topology.ts";
import { ID_ALPHABET, JOB_ID_LENGTH, WORKER_SUFFIX_LENGTH } from "../shared/names.ts";
import { createAdmission } from "./admission.ts";
import { createSecurity, serveBroker } from "./auth/security.ts";
import type { SchedulerConfig } from "./config.ts";
import { ANYBODY } from "./auth/caller.ts";
import { createBus } from "./bus.ts";
import { createConfigBook } from "./config-book.ts";
import { createControl } from "./control.ts";
import { createDefinitions } from "./definitions/definitions.ts";
import { createElection } from "./election.ts";
import { serveBundleAsks } from "./files/bundle-answers.ts";
import { collectFiles, openFiles } from "./files/open.ts";
import { createGroups } from "./groups/groups.ts";
import { createApp } from "./http/app.ts";
import { createSubmit } from "./submission/submit.ts";
import { loopbackHosts } from "./http/gate.ts";
import { listen } from "./http/listen.ts";
import { lead } from "./leader.ts";
import { createLogReader } from "./logs/log-reader.ts";
import { createLogView } from "./log-view.ts";
import { openQuarantine } from "./quarantine.ts";
import { createSchedulerMetrics } from "./metrics.ts";
import { createReplica } from "./replica.ts";
import { openReservations } from "./reservations/open.ts";
import { openWebhooks } from "./webhooks/open.ts";
import { createSchedules } from "./schedules/schedules.ts";

export type RunSchedulerOptions = {
  log?: Log;
  /** Told where the API answers, once it does. */
  onListening?: (url: string) => void;
};

const LEASE_MS = { single: 3_000, replicated: 15_000 };
const newJobId = customAlphabet(ID_ALPHABET, JOB_ID_LENGTH);
const newSuffix = customAlphabet(ID_ALPHABET, WORKER_SUFFIX_LENGTH);

/**
 * Runs a scheduler until the signal aborts; then it gives the lease back and finishes the requests under way.
 * Throws `invalid_config` (port), `broker_unavailable`, `broker_misconfigured`, or what stopped one of its services.
 */
export async function runScheduler(
  config: SchedulerConfig,
  signal: AbortSignal,
  options: RunSchedulerOptions = {},
): Promise<void> {
  const id = `scheduler-${newSuffix()}`;
  const log = (options.log ?? createLog("scheduler", config.logLevel)).child({ scheduler: id });
  await using broker = await connectBroker({
    url: config.natsUrl,
    identity: id,
    prefix: config.prefix,
    credentials: config.credentials,
    patienceMs: START_PATIENCE_MS,
    signal,
    log,
  });
  await ensureTopology(broker, { replicas: config.replicas });
  const replica = createReplica({ broker, log });
  const book = createConfigBook({ broker, log });
  const files = openFiles({ broker, book });
  const store = withLargeValues(createJobStore(broker), files.store);
  const reservations = openReservations({ broker, book, replica, store, newJobId });
  const webhooks = openWebhooks({ broker, book, view: replica.board, config, log });
  const quarantine = openQuarantine({ broker, book, board: replica.board, log });
  const { namespaceLimit } = config.auth;
  const admission = createAdmission(replica.board, namespaceLimit, files.bundles.resolve);
  const { board } = replica;
  const groups = createGroups({
    broker,
    replica,
    store,
    admission,
    tell: createHappenings(broker).tell,
    log,
  });
  const collection = collectFiles({ broker, replica, book, groups, files, log });
  const definitions = createDefinitions({
    broker,
    book,
    board,
    store,
    groups: groups.desk,
    admission,
    tell: createHappenings(broker).tell,
  });
  const schedules = createSchedules({
    broker,
    store,
    files: files.store,
    replica,
    book,
    admission,
    groups: groups.desk,
    definitions,
    log,
  });
  let url: string | undefined;

  const election = createElection({
    broker,
    scheduler: id,
    url: () => url,
    ttlMs: config.leaseMs ?? (await defaultLease(broker)),
    log,
    lead: (lease, leading, isTrusted) =>
      lead(
        {
          broker,
          replica,
          store,
          log,
          duties: [
            groups.expander,
            webhooks.duty,
            schedules.duty,
            reservations.duty,
            quarantine.duty,
            collection,
          ],
          onPlaced: metrics.placed,
        },
        lease,
        leading,
        isTrusted,
      ),
  });
  using metrics = createSchedulerMetrics({
    board,
    clock: broker.clock,
    leads: () => election.leader()?.scheduler === id,
  });
  const submitting = {
    store,
    clock: broker.clock,
    newJobId,
    broker,
    view: board,
    admission,
    reservations: reservations.desk,
  };
  const bus = createBus({
    broker,
    submit: createSubmit(submitting),
    caller: { ...ANYBODY, name: "broker" },
  });
  const app = createApp({
    ...submitting,
    ...createSecurity({ broker, book, settings: config.auth }),
    files: files.store,
    logs: createLogReader({ broker, view: createLogView(board) }),
    log,
    control: createControl(broker),
    release: quarantine.release,
    groups: groups.desk,
    bundles: files.bundles,
    definitions: { ...definitions, nextRunAt: schedules.desk.nextRunAt },
    webhooks: webhooks.api,
    schedules: schedules.desk,
    calendars: schedules.calendars,
    queues: createQueueStore(broker),
    leader: election.leader,
    ready: () => broker.isUp() && replica.isWarm(),
    metrics: metrics.text,
    closing: signal,
    hosts: loopbackHosts(config.host),
  });
  using _followed = serveBundleAsks({ broker, shelf: files.shelf });
  using _asked = serveBroker({ broker, settings: config.auth, log });
  await using api = await listen(app, { ...config, tls: config.auth.tls });
  url = config.advertiseUrl ?? reachableUrl(config.host, api);
  log.info({ event: "listening", url: api.url }, "the API answers");
  if (config.auth.insecureOpen && !config.auth.required)
    log.warn(
      { event: "open", url: api.url },
      "whoever reaches the API may run programs on the workers",
    );
  options.onListening?.(api.url);
  await runAll([replica, book.feed, groups.feed, election, bus], signal);
}

/** Nobody reaches a scheduler at "every address". */
const reachableUrl = (host: string, { url, port }: { url: string; port: number }): string =>
  host === "0.0.0.0" || host === "::" ? `${new URL(url).protocol}//${hostname()}:${port}` : url;

async function defaultLease(broker: Broker): Promise<number> {
  const { replicas } = await broker.streamState(broker.subjects.leader.stream);
  return replicas > 1 ? LEASE_MS.replicated : LEASE_MS.single;
}
