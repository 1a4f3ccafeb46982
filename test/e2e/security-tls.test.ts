// TLS everywhere: command line to API to broker to worker, each asking the other for a certificate.
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

import { createAuthority, type Authority, type Issued } from "../lab/certificates.ts";
import { spawnServer } from "../lab/spawned-broker.ts";
import { spawnNode, type Spawned } from "../lab/spawn.ts";
import { tempDir } from "../lab/temp-dir.ts";

const MILLRACE = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** Disposed at the end, the last first. */
const owned: AsyncDisposable[] = [];
let dir: string;
let ours: Authority;
let theirs: Authority;
let client: Issued;
let nats: string;
let url: string;

const toBroker = (ca: string, { cert, key }: Issued) => [
  `--nats=${nats}`,
  `--nats-ca=${ca}`,
  `--nats-cert=${cert}`,
  `--nats-key=${key}`,
];
const toServer = (ca: string, { cert, key }: Issued) => [
  `--url=${url}`,
  `--ca=${ca}`,
  `--cert=${cert}`,
  `--cert-key=${key}`,
];

async function start(...args: string[]): Promise<Spawned> {
  const child = await spawnNode(MILLRACE, args, { XDG_STATE_HOME: dir });
  owned.push(child);
  return child;
}

/** Runs a command to its end. */
async function millrace(...args: string[]) {
  const child = await start(...args);
  const { code } = await child.exited;
  return { code, stdout: child.stdout(), stderr: child.stderr() };
}

beforeAll(async () => {
  const home = await tempDir();
  owned.push(home);
  dir = home.path;
  [ours, theirs] = await Promise.all([
    createAuthority(dir, "ours"),
    createAuthority(dir, "theirs"),
  ]);
  const server = await ours.issue("server");
  client = await ours.issue("client");
  const broker = await spawnServer({
    tls: { cert_file: server.cert, key_file: server.key, ca_file: ours.ca, verify: true },
  });
  owned.push(broker);
  nats = broker.url.replace("127.0.0.1", "localhost");
  const scheduler = await start(
    "scheduler",
    "--json",
    "--port=0",
    `--tls-cert=${server.cert}`,
    `--tls-key=${server.key}`,
    `--tls-client-ca=${ours.ca}`,
    ...toBroker(ours.ca, client),
  );
  url = (await scheduler.printed(/"url":"([^"]+)"/, 60_000))[1]!;
  await start(
    "worker",
    `--work-root=${dir}/work`,
    `--spool-root=${dir}/spool`,
    ...toBroker(ours.ca, client),
  );
});
afterAll(async () => {
  for (const one of owned.toReversed()) await one[Symbol.asyncDispose]();
});

test.concurrent("submit, follow and cancel", async () => {
  expect(url).toMatch(/^https:/);
  const us = toServer(ours.ca, client);
  const ran = await millrace("run", ...us, "--", "sh", "-c", "echo over TLS; exit 7");
  expect(ran).toMatchObject({ code: 7, stdout: "over TLS\n" });
  const { stdout } = await millrace("submit", ...us, "--", "sleep", "600");
  const id = stdout.trim();
  const followed = await start("logs", "-f", ...us, id);
  expect((await millrace("cancel", ...us, id)).code).toBe(0);
  expect((await millrace("wait", ...us, id)).code).toBe(205);
  expect((await followed.exited).code).toBe(0);
});

test.concurrent("the API refuses whoever it should, and says why", async () => {
  const stranger = await theirs.issue("stranger");
  const refused: [string[], string][] = [
    [[`--url=${url}`, `--ca=${ours.ca}`], "none was shown"],
    [toServer(ours.ca, stranger), "not issued by a CA"],
    [toServer(theirs.ca, client), "not issued by a CA"],
  ];
  for (const [options, reason] of refused) {
    const { code, stderr } = await millrace("ls", ...options);
    expect(stderr).toContain(reason);
    expect(code).toBeGreaterThanOrEqual(200);
  }
});

test.concurrent("the broker refuses whoever it should, and the worker says why", async () => {
  const [stranger, old] = await Promise.all([
    theirs.issue("outsider"),
    ours.issue("expired", { days: -1 }),
  ]);
  const refused: [string[], string][] = [
    [[`--nats=${nats}`, `--nats-ca=${ours.ca}`], "without one: see --nats-cert"],
    [toBroker(theirs.ca, client), "not issued by a CA"],
    [toBroker(ours.ca, stranger), "does not go on after our certificate"],
    [toBroker(ours.ca, old), "does not go on after our certificate"],
  ];
  const tries = refused.map(async ([options, reason]) => {
    const { code, stderr } = await millrace("worker", ...options);
    expect(stderr).toContain(reason);
    expect(code).not.toBe(0);
  });
  await Promise.all(tries);
});
