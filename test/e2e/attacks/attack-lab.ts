// A guarded installation to be attacked: keys and tokens on a TLS port, nkeys at the broker, one invited worker.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { connect, nkeyAuthenticator, type NatsConnection } from "nats";

import { connectBroker } from "../../../src/shared/io/broker.ts";
import { startGuardedBroker } from "../../lab/guarded-broker.ts";
import { spawnNode } from "../../lab/spawn.ts";
import { until } from "../../lab/until.ts";

const MILLRACE = fileURLToPath(new URL("../../../dist/cli/main.js", import.meta.url));
const ISSUER = "https://issuer.example";
const HOUR_S = 3_600;
/** Leaves ten bytes behind. */
const FIRST = { script: "printf 0123456789 > left", artifacts: ["left"] };
const DRIP_MS = 500;

export type Answer = { status: number; code: string | undefined; body: string };
export type Message = {
  method?: string;
  path?: string;
  headers?: Readonly<Record<string, string>>;
  body?: string | Uint8Array;
};
/** Laid over those of a good token; undefined leaves one out. */
export type Claims = Readonly<Record<string, unknown>>;
export type Signing = { alg?: string; kid?: string; key?: Parameters<SignJWT["sign"]>[0] };

export type AttackLab = AsyncDisposable & {
  /** Id of the worker. */
  readonly worker: string;
  /** Key of somebody who may submit, and nothing else. */
  readonly clerk: string;
  /** Key of somebody who may submit within a namespace. */
  readonly tenant: string;
  readonly admin: string;
  /** Key of an admin that opens nothing any more. */
  readonly revoked: string;
  /** A job of nobody's namespace, which is over; its idempotency key is "first". */
  readonly job: string;
  /** The public key that tokens are checked by, as text. */
  readonly publicKey: Uint8Array;
  token(claims?: Claims, signing?: Signing): Promise<string>;
  /** Sends a request, as the clerk unless it says otherwise. */
  send(message: Message): Promise<Answer>;
  /** Sends bytes as they are, and reads until the connection is closed. */
  exchange(bytes: string | Uint8Array): Promise<Answer>;
  /** The same, and then one byte now and then until it is answered. */
  drip(bytes: string): Promise<Answer>;
  /** A client without our manners, under the worker's own key. */
  intrude(): Promise<NatsConnection>;
  /** What an attack would leave behind: what the broker holds, what runs, and whatever lies on the worker's disk. */
  footprint(): Promise<unknown>;
};

export async function startAttackLab(): Promise<AttackLab> {
  /** Disposed at the end, the last first. */
  const owned: AsyncDisposable[] = [];
  const dispose = async () => {
    for (const one of owned.toReversed()) await one[Symbol.asyncDispose]();
  };
  try {
    return { ...(await build(owned)), [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function build(owned: AsyncDisposable[]): Promise<Omit<AttackLab, keyof AsyncDisposable>> {
  const keep = <T extends AsyncDisposable>(one: T): T => {
    owned.push(one);
    return one;
  };
  const server = keep(await startGuardedBroker());
  const { cert, key: certKey, ca: caFile } = server.certificates;
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: "one", alg: "RS256" };
  const jwks = join(server.dir, "jwks.json");
  await writeFile(jwks, JSON.stringify({ keys: [jwk] }));
  const asScheduler = [`--nats=${server.url}`, `--nats-nkey=${server.files.scheduler}`];

  async function start(args: readonly string[]) {
    return keep(await spawnNode(MILLRACE, args, { XDG_STATE_HOME: server.dir }));
  }

  async function newKey(name: string, ...args: string[]): Promise<string> {
    const child = await start(["keys", "create", name, ...args, ...asScheduler]);
    await child.exited;
    return child.stdout().trim();
  }

  const scheduler = await start([
    "scheduler",
    "--json",
    "--port=0",
    "--auth",
    `--jwt-jwks=${jwks}`,
    `--jwt-issuer=${ISSUER}`,
    "--jwt-audience=millrace",
    `--tls-cert=${cert}`,
    `--tls-key=${certKey}`,
    `--enrol-key=${server.files.enrol}`,
    ...asScheduler,
  ]);
  const [, listening = ""] = await scheduler.printed(/"url":"([^"]+)"/, 60_000);
  const { port } = new URL(listening);
  const [admin, clerk, tenant, revoked] = await Promise.all([
    newKey("root", "--role=admin"),
    newKey("clerk", "--role=submitter"),
    newKey("tenant", "--role=submitter", "--namespace=acme"),
    newKey("fired", "--role=admin"),
  ]);
  const ca = await readFile(caFile);

  function exchange(bytes: string | Uint8Array, more?: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      const socket = connectTls({
        host: "127.0.0.1",
        port: Number(port),
        ca,
        servername: "localhost",
      });
      socket.on("secureConnect", () => socket.write(bytes));
      const dripping = more && setInterval(() => socket.write(more), DRIP_MS);
      socket.on("data", (chunk: Buffer) => {
        clearInterval(dripping);
        chunks.push(chunk);
      });
      // a refusal may come before all of it was taken
      socket.on("error", (error) => (chunks.length > 0 ? resolve(read(chunks)) : reject(error)));
      socket.on("close", () => {
        clearInterval(dripping);
        resolve(read(chunks));
      });
    });
  }

  function send({ method = "POST", path = "/v1/jobs", headers = {}, body }: Message) {
    const bytes = Buffer.from(body ?? "");
    const all = {
      Host: "localhost",
      Authorization: `Bearer ${clerk}`,
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...(method === "GET" ? {} : { "Content-Length": String(bytes.length) }),
      ...headers,
      Connection: "close",
    };
    const head = Object.entries(all).flatMap(([name, value]) =>
      value === "" ? [] : [`${name}: ${value}\r\n`],
    );
    return exchange(
      Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${head.join("")}\r\n`), bytes]),
    );
  }

  const asAdmin = { Authorization: `Bearer ${admin}` };
  const get = async (path: string) =>
    JSON.parse((await send({ method: "GET", path, headers: asAdmin })).body) as unknown;
  const isKnown = async () => {
    const { body } = await send({ method: "GET", path: "/v1/api-keys", headers: asAdmin });
    return ["clerk", "tenant", "fired"].every((name) => body.includes(name));
  };
  await until(isKnown, "the keys to be known", 60_000);
  const { keys } = (await get("/v1/api-keys")) as { keys: { id: string; name: string }[] };
  const fired = keys.find(({ name }) => name === "fired")?.id;
  await send({ method: "DELETE", path: `/v1/api-keys/${fired}`, headers: asAdmin });
  const isRevoked = async () =>
    (await send({ method: "GET", headers: { Authorization: `Bearer ${revoked}` } })).status === 401;
  await until(isRevoked, "the key to be revoked", 60_000);

  const invited = await send({
    path: "/v1/enrolments",
    headers: asAdmin,
    body: '{"name":"build-1"}',
  });
  const { join: invitation } = JSON.parse(invited.body) as { join: string };
  const nkey = join(server.dir, "build-1.nk");
  const work = join(server.dir, "work");
  const child = await start([
    "worker",
    "--json",
    "--name=build-1",
    "--slots=2",
    `--nats=${server.url}`,
    `--nats-nkey=${nkey}`,
    `--join=${invitation}`,
    `--work-root=${work}`,
    `--spool-root=${join(server.dir, "spool")}`,
  ]);
  const [, worker = ""] = await child.printed(/"worker":"([^"]+)"/, 60_000);
  const first = await send({
    path: "/v1/jobs?wait=60s",
    headers: { "Idempotency-Key": "first" },
    body: JSON.stringify(FIRST),
  });
  const { id: job } = JSON.parse(first.body) as { id: string };

  const broker = keep(
    await connectBroker({
      url: server.url,
      identity: "observer",
      credentials: { nkey: server.files.scheduler },
    }),
  );
  const { jobs, groups, queues, config, assign, files } = broker.subjects;
  const streams = [jobs, groups, queues, config, assign].map(({ stream }) => stream);

  return {
    worker,
    clerk,
    tenant,
    admin,
    revoked,
    job,
    publicKey: await readFile(jwks),
    token: (claims = {}, { alg = "RS256", kid = "one", key = privateKey } = {}) => {
      const now = Math.floor(Date.now() / 1_000);
      const good = {
        iss: ISSUER,
        aud: "millrace",
        sub: "ann",
        exp: now + HOUR_S,
        roles: ["submitter"],
      };
      return new SignJWT({ ...good, ...claims }).setProtectedHeader({ alg, kid }).sign(key);
    },
    send,
    exchange: (bytes) => exchange(bytes),
    drip: (bytes) => exchange(bytes, "x"),
    async intrude() {
      const seed = Buffer.from((await readFile(nkey, "utf8")).trim());
      return connect({
        servers: server.url,
        name: `millrace ${worker}`,
        authenticator: nkeyAuthenticator(seed),
        inboxPrefix: broker.subjects.inbox(worker),
        maxReconnectAttempts: 0,
      });
    },
    async footprint() {
      const states = await Promise.all(streams.map((stream) => broker.streamState(stream)));
      const { workers } = (await get("/v1/workers")) as {
        workers: { id: string; status: string; slots: { used: number } }[];
      };
      return {
        kept: (await broker.streamState(files.stream)).messages,
        stored: Object.fromEntries(streams.map((stream, i) => [stream, states[i]?.lastSeq])),
        workers: workers.map(({ id, status, slots }) => `${id} ${status} ${slots.used}`),
        files: await readdir(work, { recursive: true }),
      };
    },
  };
}

function read(chunks: readonly Buffer[]): Answer {
  const text = Buffer.concat(chunks).toString("latin1");
  const end = text.indexOf("\r\n\r\n");
  const body = text.slice(end + 4);
  const chunked = /^transfer-encoding: chunked/im.test(text.slice(0, end));
  const plain = chunked ? body.replace(/^[0-9a-f]+\r\n/i, "").replace(/\r\n0\r\n\r\n$/, "") : body;
  const [, code] = /"code":"([a-z_]+)"/.exec(plain) ?? [];
  return { status: Number(text.split(" ")[1]), code, body: plain };
}
