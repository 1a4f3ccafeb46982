// How the command line shows a server who it is, and how it knows the server: a token, and files of certificates.
import { readFileSync } from "node:fs";
import type { SecureContextOptions } from "node:tls";

import type { Identity } from "../client/api.ts";
import { MillraceError } from "../shared/errors.ts";

/** Names of files, and a token or the name of the file that holds it. */
export type IdentityOptions = { token?: string; ca?: string; cert?: string; certKey?: string };

type Environment = Readonly<Record<string, string | undefined>>;

/** Options win over MILLRACE_TOKEN, MILLRACE_CA, MILLRACE_CERT and MILLRACE_CERT_KEY. Throws `invalid_config` for a file that cannot be read. */
export function readIdentity(options: IdentityOptions, env: Environment): Identity {
  const token = options.token ?? (env["MILLRACE_TOKEN"] || undefined);
  return {
    ...(token === undefined ? {} : { token: tokenIn(token) }),
    tls: {
      ...part("ca", options.ca ?? env["MILLRACE_CA"]),
      ...part("cert", options.cert ?? env["MILLRACE_CERT"]),
      ...part("key", options.certKey ?? env["MILLRACE_CERT_KEY"]),
    },
  };
}

/** `@file` stands for what the file holds, so that the token is seen in no list of processes. */
const tokenIn = (text: string): string =>
  text.startsWith("@") ? read("token", text.slice(1)).toString().trim() : text;

const part = (name: "ca" | "cert" | "key", file: string | undefined): SecureContextOptions =>
  file === undefined || file === "" ? {} : { [name]: read(name, file) };

function read(option: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new MillraceError("invalid_config", `--${option}: ${file} cannot be read.`, {
      cause,
      field: option,
    });
  }
}
