// A nats-server with the configuration that `millrace auth init` writes, on a free port.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { writeAuthFiles, type AuthFiles } from "../../src/cli/auth-files.ts";
import { findBrokerBinary } from "../../src/shared/io/broker-binary.ts";
import { createAuthority, type Issued } from "./certificates.ts";
import { tempDir } from "./temp-dir.ts";
import { until } from "./until.ts";

export type GuardedBroker = AsyncDisposable & {
  readonly url: string;
  readonly pid: number;
  readonly dir: string;
  readonly files: AuthFiles;
  /** Of an authority of its own, for this machine. */
  readonly certificates: Issued & { readonly ca: string };
};

/** With `tls`, it speaks nothing else. */
export async function startGuardedBroker({ tls = false } = {}): Promise<GuardedBroker> {
  const home = await tempDir();
  const files = await writeAuthFiles(join(home.path, "auth"), undefined);
  const text = await readFile(files.config, "utf8");
  // as it is, but for the addresses, which belong to the machine
  const config = text
    .replace(/^port: 4222$/m, `host: "127.0.0.1"\nport: -1\nports_file_dir: "${home.path}"`)
    .replace(/^http: .*$/m, "");
  const authority = await createAuthority(home.path, "ours");
  const { cert, key } = await authority.issue("server");
  const secured = tls ? `tls { cert_file: "${cert}", key_file: "${key}" }\n` : "";
  await writeFile(files.config, `${config}${secured}`);
  const args = ["--config", files.config, "--store_dir", join(home.path, "store")];
  const server = spawn(await findBrokerBinary(), args, { stdio: "ignore" });
  const url = await until(async () => {
    const name = (await readdir(home.path)).find((file) => file.endsWith(".ports"));
    if (name === undefined) return undefined;
    const ports = JSON.parse(await readFile(join(home.path, name), "utf8").catch(() => "{}")) as {
      nats?: string[];
    };
    return ports.nats?.[0];
  }, "the broker to listen");
  return {
    url,
    pid: server.pid!,
    dir: home.path,
    files,
    certificates: { ca: authority.ca, cert, key },
    async [Symbol.asyncDispose]() {
      server.kill("SIGKILL");
      if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
      await home[Symbol.asyncDispose]();
    },
  };
}
