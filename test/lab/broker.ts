// The broker of a test file: its own nats-server, spawned, or in a container with TEST_BROKER=container.
import { startSpawnedBroker } from "./spawned-broker.ts";

export type TestBroker = AsyncDisposable & {
  /** The same before and after a restart. */
  readonly url: string;
  /** Ends the server without warning, as power loss of its process would. */
  kill(): Promise<void>;
  /** Starts a killed or running server again on the same port and store; resolves when JetStream answers. */
  restart(): Promise<void>;
  /** Freezes the server: connections stay open and nothing answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
};

/** Starts a broker with an empty store; disposing it removes the store. `settings` are nats-server's own. */
export async function startBroker(
  settings: Readonly<Record<string, unknown>> = {},
): Promise<TestBroker> {
  if (process.env["TEST_BROKER"] !== "container") return startSpawnedBroker(settings);
  const { startContainerBroker } = await import("./container-broker.ts"); // slow to load, seldom wanted
  return startContainerBroker(settings);
}
