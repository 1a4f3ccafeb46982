// How a connection to the broker shows who it is and whom it believes: files, named by options.

/** Names of files. Certificates are read again at every reconnect. */
export type BrokerCredentials = {
  /** CA that the broker's certificate is checked against; without it, the system's. */
  ca?: string;
  /** Own certificate and its key, for a broker that asks for one. */
  cert?: string;
  certKey?: string;
  /** Seed of an nkey. */
  nkey?: string;
  /** Not a file: the token that makes the nkey known. The nkey's file is made if it is missing. */
  join?: string;
  /** Credentials as `nsc` makes them. */
  creds?: string;
};

export type CredentialFlags = {
  /** NATS_CA. */
  natsCa?: string;
  /** NATS_CERT. */
  natsCert?: string;
  /** NATS_KEY. */
  natsKey?: string;
  /** NATS_NKEY. */
  natsNkey?: string;
  /** NATS_CREDS. */
  natsCreds?: string;
  /** MILLRACE_JOIN. */
  join?: string;
};

type Read = (flag: string | undefined, variable: string, otherwise: string) => string;

/** What the options and their variables name; undefined when that is nothing. */
export function readCredentials(text: Read, flags: CredentialFlags): BrokerCredentials | undefined {
  const named: [keyof BrokerCredentials, string][] = [
    ["ca", text(flags.natsCa, "NATS_CA", "")],
    ["cert", text(flags.natsCert, "NATS_CERT", "")],
    ["certKey", text(flags.natsKey, "NATS_KEY", "")],
    ["nkey", text(flags.natsNkey, "NATS_NKEY", "")],
    ["join", text(flags.join, "MILLRACE_JOIN", "")],
    ["creds", text(flags.natsCreds, "NATS_CREDS", "")],
  ];
  const given = named.filter(([, file]) => file !== "");
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

/** Whoever names certificates does not mean to speak in the clear. */
export const wantsTls = ({ ca, cert }: BrokerCredentials = {}): boolean =>
  ca !== undefined || cert !== undefined;
