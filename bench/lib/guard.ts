// An installation with security switched on: nkeys at the broker, API keys at the scheduler, an invited worker, and TLS if wanted.
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { createApi } from "../../src/client/api.ts";
import type { BrokerCredentials } from "../../src/shared/io/credentials.ts";
import { startGuardedBroker } from "../../test/lab/guarded-broker.ts";
import type { Guard } from "./installation.ts";
import { pathIn, startNode } from "./program.ts";

export type Secured = Guard & {
  /** What a client shows a scheduler, and whom it believes. */
  identity: { token: string; ca?: Buffer };
  /** What one that speaks to the broker itself shows that. */
  credentials: BrokerCredentials;
};

const CLI = pathIn("../dist/cli/main.js");

export async function secure(tls: boolean): Promise<Secured> {
  const server = await startGuardedBroker({ tls });
  const { files, dir } = server;
  const { ca, cert, key } = server.certificates;
  const believing = tls ? [`--nats-ca=${ca}`] : [];
  const toBroker = [...believing, `--nats-nkey=${files.scheduler}`];
  const identity: Secured["identity"] = {
    token: "",
    ...(tls ? { ca: await readFile(ca) } : {}),
  };
  const trust = identity.ca === undefined ? {} : { ca: identity.ca };
  let workers = 0;

  const api = (url: string) => createApi(url, { token: identity.token, tls: trust });
  const create = ["keys", "create", "bench", "--role=admin", "--json", `--nats=${server.url}`];

  return {
    broker: { url: server.url, pid: server.pid, stop: async () => server[Symbol.asyncDispose]() },
    schedulerArgs: [
      "--auth",
      `--enrol-key=${files.enrol}`,
      ...(tls ? [`--tls-cert=${cert}`, `--tls-key=${key}`] : []),
      ...toBroker,
    ],
    identity,
    credentials: { nkey: files.scheduler, ...(tls ? { ca } : {}) },
    async ask(url, path) {
      if (identity.token === "" && path !== "/readyz") {
        const made = await startNode([CLI, ...create, ...toBroker]);
        identity.token = String(made.ready["key"]);
      }
      return api(url).call(path);
    },
    async workerArgs(url) {
      const name = `bench-${(workers += 1)}`;
      const { join: invitation } = await api(url).call<{ join: string }>("/v1/enrolments", {
        method: "POST",
        body: { name },
      });
      const nkey = join(dir, `${name}.nk`);
      return [`--name=${name}`, ...believing, `--nats-nkey=${nkey}`, `--join=${invitation}`];
    },
  };
}
