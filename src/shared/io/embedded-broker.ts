// The broker that Millrace brings along: a real nats-server on loopback that lives and dies with this program.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { nanoid } from "nanoid";
import { findBrokerBinary } from "./broker-binary.ts";
import { lockDataDir } from "./broker-lock.ts";
import { startBrokerProcess } from "./broker-process.ts";
import { awaitJetStream } from "./broker-ready.ts";
import { checkServerVersion } from "./broker-version.ts";

export type EmbeddedBrokerOptions = {
  /** Holds the streams, the server's log and a lock; created when missing. */
  dataDir: string;
  /** Client port on 127.0.0.1; a free one by default. */
  port?: number;
  /** Where a fetched nats-server is kept; the user's cache by default. */
  cacheDir?: string;
  /** Ends the start. A started broker is ended by `stop`. */
  signal?: AbortSignal;
  /** Told what takes long. */
  log?: (line: string) => void;
};

export type EmbeddedBroker = AsyncDisposable & {
  readonly url: string;
  readonly pid: number;
  readonly version: string;
  readonly dataDir: string;
  /** Resolves when the server is gone, for whatever reason. */
  readonly exited: Promise<void>;
  stop(): Promise<void>;
};

/** Largest message that Millrace sends, with room: inputs above 64 KiB go by reference. */
export const MAX_PAYLOAD_BYTES = 8 * 1024 * 1024;

/**
 * Starts the broker and resolves when its JetStream answers. Throws `broker_unavailable` (no binary, data directory in
 * use, did not start) or `broker_too_old`.
 */
export async function startEmbeddedBroker(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  const { dataDir, port = -1, signal } = options;
  const binary = await findBrokerBinary(options);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const lock = await lockDataDir(dataDir);
  try {
    const server = await startBrokerProcess({
      binary,
      dir: dataDir,
      settings: brokerSettings(dataDir, port),
      signal,
    });
    const stop = async () => {
      await server.stop();
      await lock[Symbol.asyncDispose]();
    };
    try {
      const version = await awaitJetStream(server.url, undefined, signal);
      checkServerVersion(version);
      await lock.announce(server);
      const { url, pid, exited } = server;
      return { url, pid, version, dataDir, exited, stop, [Symbol.asyncDispose]: stop };
    } catch (error) {
      await server.stop();
      throw error;
    }
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}

/** nats-server configuration: JetStream below `dir`, and messages up to `MAX_PAYLOAD_BYTES`. */
export function brokerSettings(dir: string, port: number): Record<string, unknown> {
  return {
    server_name: `millrace-${nanoid(8)}`,
    port,
    max_payload: MAX_PAYLOAD_BYTES,
    jetstream: { store_dir: join(dir, "jetstream") },
  };
}
