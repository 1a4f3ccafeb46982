// The way into the library: connect to a Millrace.
import type { SecureContextOptions } from "node:tls";

import type { BrokerCredentials } from "../shared/io/credentials.ts";
import { createApi } from "./api.ts";
import type { Millrace } from "./millrace.ts";
import { createHttpMillrace } from "./over-http.ts";
import { createNatsMillrace } from "./over-nats.ts";

export type ConnectOptions = {
  /** Where a scheduler answers; default http://127.0.0.1:7070. */
  url?: string;
  /** Sent as a bearer token. */
  token?: string;
  /** Certificates for a server of one's own authority, or that asks for the caller's. */
  tls?: SecureContextOptions;
  /** The broker, as nats://host:4222: submit, run and wait go straight over it, which is for volume. */
  nats?: string;
  /** Names of the files by which that broker knows us, and we know it. */
  natsCredentials?: BrokerCredentials;
  /** Namespace of the installation on the broker; default mr. */
  prefix?: string;
};

const DEFAULT_URL = "http://127.0.0.1:7070";

/** Throws `invalid_config`, and `broker_unavailable` when `nats` is given and does not answer. */
export async function connect(options: ConnectOptions = {}): Promise<Millrace> {
  const { url = DEFAULT_URL, token, tls = {}, nats, natsCredentials, prefix } = options;
  const over = createHttpMillrace(
    createApi(url, { tls, ...(token === undefined ? {} : { token }) }),
  );
  if (nats === undefined) return over;
  // most programs never need it, and it is the largest part to load
  const { connectBroker } = await import("../shared/io/broker.ts");
  const broker = await connectBroker({
    url: nats,
    identity: `client-${crypto.randomUUID()}`,
    credentials: natsCredentials,
    ...(prefix === undefined ? {} : { prefix }),
  });
  return createNatsMillrace(broker, over);
}
