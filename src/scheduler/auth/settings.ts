// How callers are told apart: the options of a scheduler that say so.
import type { Settings } from "../../shared/io/settings.ts";
import type { TlsFiles } from "../../shared/io/tls-files.ts";
import { loopbackHosts } from "../http/gate.ts";
import type { TokenRules } from "./tokens.ts";

export type AuthSettings = {
  /** False: everybody who reaches the API may do everything. */
  required: boolean;
  /** Open to more than this machine on purpose. */
  insecureOpen: boolean;
  /** Tokens are accepted beside API keys. */
  tokens?: TokenRules & { jwks: string };
  /** Serves HTTPS. With a client CA, callers show a certificate of it, which says who they are where no token has to. */
  tls?: TlsFiles;
  /** File of the key by which the broker knows that we say who may come in; absent: the broker does not ask. */
  enrolKey?: string;
  /** Unfinished jobs that each namespace may have; absent: any number. */
  namespaceLimit?: number;
  /** Requests per second that each caller may send; absent: any number. */
  rateLimit?: number;
};

export type AuthFlags = {
  /** MILLRACE_AUTH=1; callers must show an API key or a token. Implied by the options for tokens. */
  auth?: boolean;
  /** MILLRACE_INSECURE_OPEN=1; needed to serve everybody on an address that is not loopback. */
  insecureOpen?: boolean;
  /** MILLRACE_JWT_JWKS: file or URL of the keys that tokens are signed with. */
  jwtJwks?: string;
  /** MILLRACE_JWT_ISSUER. */
  jwtIssuer?: string;
  /** MILLRACE_JWT_AUDIENCE. */
  jwtAudience?: string;
  /** MILLRACE_JWT_ALGORITHMS, comma-separated; default RS256,PS256,ES256,EdDSA. */
  jwtAlgorithms?: string;
  /** MILLRACE_TLS_CERT: file of the API's certificate. */
  tlsCert?: string;
  /** MILLRACE_TLS_KEY: file of its key. */
  tlsKey?: string;
  /** MILLRACE_TLS_CLIENT_CA: file of the CA whose certificates callers must show. */
  tlsClientCa?: string;
  /** MILLRACE_ENROL_KEY. */
  enrolKey?: string;
  /** MILLRACE_NAMESPACE_LIMIT: unfinished jobs per namespace. */
  namespaceLimit?: string;
  /** MILLRACE_RATE_LIMIT: requests per second and caller. */
  rateLimit?: string;
};

const ALGORITHMS =
  /^(?:(?:RS|PS|ES|HS)(?:256|384|512)|EdDSA|Ed25519)(?:,(?:(?:RS|PS|ES|HS)(?:256|384|512)|EdDSA|Ed25519))*$/;
const DEFAULT_ALGORITHMS = "RS256,PS256,ES256,EdDSA";

/** `host` is the address that the API listens on. */
export function readAuth(settings: Settings, flags: AuthFlags, host: string): AuthSettings {
  const tokens = readTokens(settings, flags);
  const required = isOn(settings, flags.auth, "MILLRACE_AUTH") || tokens !== undefined;
  const insecureOpen = isOn(settings, flags.insecureOpen, "MILLRACE_INSECURE_OPEN");
  const tls = readTls(settings, flags);
  const enrolKey = settings.text(flags.enrolKey, "MILLRACE_ENROL_KEY", "");
  settings.require(
    required || insecureOpen || tls?.clientCa !== undefined || loopbackHosts(host) !== undefined,
    `on ${host} everybody who reaches the API could run programs on the workers: use --auth, the --jwt options or --tls-client-ca, or say --insecure-open (MILLRACE_INSECURE_OPEN=1)`,
  );
  return {
    required,
    insecureOpen,
    ...(tokens === undefined ? {} : { tokens }),
    ...(tls === undefined ? {} : { tls }),
    ...(enrolKey === "" ? {} : { enrolKey }),
    ...readLimits(settings, flags),
  };
}

/** A bound that need not be set. */
function readLimit(settings: Settings, text: string, option: string): number | undefined {
  settings.require(
    text === "" || (/^\d{1,7}$/.test(text) && Number(text) >= 1),
    `${option} must be a whole number from 1 to 9999999`,
  );
  return text === "" ? undefined : Number(text);
}

function readLimits(
  settings: Settings,
  flags: AuthFlags,
): Pick<AuthSettings, "rateLimit" | "namespaceLimit"> {
  const rate = settings.text(flags.rateLimit, "MILLRACE_RATE_LIMIT", "");
  const share = settings.text(flags.namespaceLimit, "MILLRACE_NAMESPACE_LIMIT", "");
  const rateLimit = readLimit(settings, rate, "--rate-limit");
  const namespaceLimit = readLimit(settings, share, "--namespace-limit");
  return {
    ...(rateLimit === undefined ? {} : { rateLimit }),
    ...(namespaceLimit === undefined ? {} : { namespaceLimit }),
  };
}

const isOn = (settings: Settings, flag: boolean | undefined, variable: string): boolean =>
  flag ?? ["1", "true", "yes", "on"].includes(settings.text(undefined, variable, ""));

function readTokens(settings: Settings, flags: AuthFlags): AuthSettings["tokens"] {
  const jwks = settings.text(flags.jwtJwks, "MILLRACE_JWT_JWKS", "");
  const issuer = settings.text(flags.jwtIssuer, "MILLRACE_JWT_ISSUER", "");
  const audience = settings.text(flags.jwtAudience, "MILLRACE_JWT_AUDIENCE", "");
  if (jwks === "" && issuer === "" && audience === "") return undefined;
  settings.require(
    jwks !== "" && issuer !== "" && audience !== "",
    "--jwt-jwks, --jwt-issuer and --jwt-audience go together",
  );
  const algorithms = settings.text(
    flags.jwtAlgorithms,
    "MILLRACE_JWT_ALGORITHMS",
    DEFAULT_ALGORITHMS,
  );
  settings.require(
    ALGORITHMS.test(algorithms),
    "--jwt-algorithms must be a list as RS256,ES256,EdDSA",
  );
  settings.require(
    !(algorithms.includes("HS") && jwks.includes("://")),
    "--jwt-algorithms HS… are for shared secrets, which must not be fetched: name a file as --jwt-jwks",
  );
  return { jwks, issuer, audience, algorithms: algorithms.split(",") };
}

function readTls(settings: Settings, flags: AuthFlags): TlsFiles | undefined {
  const cert = settings.text(flags.tlsCert, "MILLRACE_TLS_CERT", "");
  const key = settings.text(flags.tlsKey, "MILLRACE_TLS_KEY", "");
  const clientCa = settings.text(flags.tlsClientCa, "MILLRACE_TLS_CLIENT_CA", "");
  const isServed = cert !== "" && key !== "";
  settings.require(
    isServed || (cert === "" && key === "" && clientCa === ""),
    "--tls-cert and --tls-key go together, and --tls-client-ca with both",
  );
  return isServed ? { cert, key, ...(clientCa === "" ? {} : { clientCa }) } : undefined;
}
