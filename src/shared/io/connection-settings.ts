// Credentials as the client takes them.
import { existsSync, readFileSync } from "node:fs";
import {
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  type ConnectionOptions,
} from "nats";

import { MillraceError } from "../errors.ts";
import { newUserKey, writeSeed } from "./nkeys.ts";
import { wantsTls, type BrokerCredentials } from "./credentials.ts";

/** Throws `invalid_config` for a file that cannot be read. */
export function connectionOf(credentials: BrokerCredentials = {}): ConnectionOptions {
  const { ca, cert, certKey, nkey, creds, join } = credentials;
  for (const file of [ca, cert, certKey]) if (file !== undefined) read(file);
  const authenticator = [
    ...(nkey === undefined ? [] : [nkeyAuthenticator(seedIn(nkey, join !== undefined))]),
    ...(join === undefined ? [] : [tokenAuthenticator(join)]),
    ...(creds === undefined ? [] : [credsAuthenticator(read(creds))]),
  ];
  return {
    ...(wantsTls(credentials)
      ? {
          tls: {
            ...(ca === undefined ? {} : { caFile: ca }),
            ...(cert === undefined ? {} : { certFile: cert }),
            ...(certKey === undefined ? {} : { keyFile: certKey }),
          },
        }
      : {}),
    ...(authenticator.length === 0 ? {} : { authenticator }),
  };
}

function seedIn(file: string, mayBeMade: boolean): Uint8Array {
  if (mayBeMade && !existsSync(file)) writeSeed(file, newUserKey());
  return Buffer.from(read(file).toString().trim());
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new MillraceError(
      "invalid_config",
      `The broker's credentials in ${file} cannot be read.`,
      {
        cause,
      },
    );
  }
}
