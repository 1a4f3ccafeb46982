// Rebuilds what a scheduler derives from the records and compares it with what a running one says.
import { connectBroker, type Broker } from "../../shared/io/broker.ts";
import { VIEWER } from "../../shared/permissions.ts";
import type { BrokerCredentials } from "../../shared/io/credentials.ts";
import { inspectBroker } from "../../shared/io/inspect.ts";
import { createJobStore } from "../../shared/io/job-store.ts";
import { pause } from "../../shared/io/lifecycle.ts";
import { isFinal } from "../../shared/job.ts";
import type { Api } from "../../client/api.ts";
import { readCancels } from "./cancel-intents.ts";
import { compare, standing, type Difference } from "./differences.ts";
import { openFreshIndex, type FreshIndex } from "./fresh-index.ts";
import { snapshotOfIndex, snapshotOfServer } from "./snapshot.ts";

export type Reconciliation = {
  /** Statements that were compared. */
  compared: number;
  /** What the server says otherwise than the records. */
  differences: Difference[];
  /** Jobs that have ended or are gone and whose cancel request still stands. */
  leftovers: string[];
  /** Those of them that were cleared now. */
  cleared: string[];
};

/** A difference counts when it stands through so many looks. */
const LOOKS = 4;

export type ReconcileOptions = {
  api: Api;
  natsUrl: string;
  prefix: string | undefined;
  credentials?: BrokerCredentials | undefined;
  /** Clears the cancel requests that are left over; everything else is only read. */
  repair: boolean;
  /** Time between two looks; default 2.5 s, so that all looks together span two heartbeats. */
  betweenMs?: number;
};

/** Throws `server_unreachable` or `broker_unavailable` when one side cannot be read. */
export async function reconcile(options: ReconcileOptions): Promise<Reconciliation> {
  const { api, natsUrl, prefix, credentials, repair, betweenMs = 2_500 } = options;
  await using broker = await connectBroker({
    url: natsUrl,
    identity: `${VIEWER}.reconcile-${process.pid}`,
    credentials,
    ...(prefix === undefined ? {} : { prefix }),
  });
  const { clockAheadMs } = await inspectBroker(broker);
  await using index = await openFreshIndex(broker, clockAheadMs);
  let seen = await look(api, broker, index);
  for (let looks = 1; looks < LOOKS && hasFound(seen); looks += 1) {
    await pause(betweenMs);
    const again = await look(api, broker, index);
    seen = {
      compared: again.compared,
      differences: standing(seen.differences, again.differences),
      leftovers: again.leftovers.filter((job) => seen.leftovers.includes(job)),
    };
  }
  const cleared = repair ? seen.leftovers : [];
  for (const job of cleared) await createJobStore(broker).clearCancel(job);
  return { ...seen, cleared };
}

type Look = Omit<Reconciliation, "cleared">;

const hasFound = ({ differences, leftovers }: Look): boolean =>
  differences.length > 0 || leftovers.length > 0;

async function look(
  api: Api,
  broker: Broker,
  { board, clock, caughtUp }: FreshIndex,
): Promise<Look> {
  const said = await snapshotOfServer(api);
  await caughtUp();
  const found = snapshotOfIndex(board, clock.mono());
  const intents = await readCancels(broker);
  return {
    compared: found.size,
    differences: compare(said, found),
    leftovers: [...intents.keys()].filter((job) => isFinal(board.get(job)?.state ?? "expired")),
  };
}
