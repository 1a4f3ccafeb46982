// Starts the embedded broker on a data directory that nobody else uses.
import type { EmbeddedBroker } from "../../shared/io/embedded-broker.ts";
import { hasCode } from "../../shared/errors.ts";

export type DataDir = {
  path: string;
  /** False: when it is taken, `<path>-2`, `<path>-3` and so on are tried. */
  fixed: boolean;
};

const MOST = 100;

export async function startBrokerOn(
  { path, fixed }: DataDir,
  note: (line: string) => void,
  signal: AbortSignal,
): Promise<EmbeddedBroker> {
  const { startEmbeddedBroker } = await import("../../shared/io/embedded-broker.ts");
  for (let number = 1; ; number += 1) {
    const dataDir = number === 1 ? path : `${path}-${number}`;
    try {
      return await startEmbeddedBroker({ dataDir, signal, log: note });
    } catch (error) {
      const taken = hasCode(error, "broker_unavailable") && error.field === "dataDir";
      if (!taken || fixed || number === MOST) throw error;
    }
  }
}
