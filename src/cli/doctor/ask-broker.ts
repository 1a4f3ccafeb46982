// Asks the broker about itself and, when its streams are there, about what the records say.
import { MillraceError } from "../../shared/errors.ts";
import { connectBroker, type Broker } from "../../shared/io/broker.ts";
import { VIEWER } from "../../shared/permissions.ts";
import type { BrokerCredentials } from "../../shared/io/credentials.ts";
import { inspectBroker, type BrokerReport } from "../../shared/io/inspect.ts";
import { askMonitors, usualMonitors } from "./ask-monitors.ts";
import { examine } from "./examine.ts";
import type { Facts } from "./facts.ts";

export type Question = {
  url: string;
  prefix: string | undefined;
  credentials?: BrokerCredentials | undefined;
  /** Monitoring endpoints; the usual ones when there are none. */
  monitors: readonly string[];
};

export async function askBroker(
  question: Question,
): Promise<Pick<Facts, "broker" | "monitors" | "installation">> {
  const { url, prefix, credentials, monitors } = question;
  try {
    await using broker = await connectBroker({
      url,
      identity: `${VIEWER}.doctor-${process.pid}`,
      credentials,
      ...(prefix === undefined ? {} : { prefix }),
    });
    const report = await inspectBroker(broker);
    return {
      broker: { url, ...report },
      monitors: await askMonitors(monitors.length > 0 ? monitors : usualMonitors(url), report),
      ...(await examined(broker, report)),
    };
  } catch (error) {
    return { broker: asError(error), monitors: [] };
  }
}

/** Records are read only where every stream can answer. */
async function examined(
  broker: Broker,
  { missing, streams, clockAheadMs }: BrokerReport,
): Promise<Pick<Facts, "installation">> {
  if (missing.length > 0 || streams.some(({ writable }) => !writable)) return {};
  return { installation: await examine(broker, clockAheadMs).catch(asError) };
}

export const asError = (error: unknown): Error =>
  error instanceof MillraceError ? error : new Error(String(error), { cause: error });
