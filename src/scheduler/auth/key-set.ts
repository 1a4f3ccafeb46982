// The public keys that tokens are checked with: a JWKS document in a file or at a URL, read again when it changes.
import { readFile, stat } from "node:fs/promises";
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
} from "jose";

import { MillraceError } from "../../shared/errors.ts";
import type { Clock } from "../../shared/io/clock.ts";

const LOOK_MS = 1_000;
const REMOTE = { timeoutDuration: 3_000, cooldownDuration: 5_000, cacheMaxAge: 600_000 };

/** Finds keys in the document at `where`: a path, or an address that begins with https:// or http://. */
export function createKeySet(where: string, clock: Pick<Clock, "mono">): JWTVerifyGetKey {
  return /^https?:\/\//.test(where)
    ? createRemoteJWKSet(new URL(where), REMOTE)
    : createFileKeySet(where, clock);
}

type Version = { mtimeMs: number; find: JWTVerifyGetKey };

function createFileKeySet(path: string, clock: Pick<Clock, "mono">): JWTVerifyGetKey {
  let current: Version | undefined;
  let lookedAt = -Infinity;

  async function newest(): Promise<Version> {
    if (current !== undefined && clock.mono() - lookedAt < LOOK_MS) return current;
    const { mtimeMs } = await stat(path);
    if (current?.mtimeMs !== mtimeMs) current = { mtimeMs, find: await read(path) };
    lookedAt = clock.mono();
    return current;
  }

  return async (header, token) => (await usable(path, newest)).find(header, token);
}

async function usable(path: string, newest: () => Promise<Version>): Promise<Version> {
  try {
    return await newest();
  } catch (cause) {
    throw new MillraceError(
      "identity_unavailable",
      `The keys that tokens are checked with cannot be read from ${path}.`,
      { cause, retryAfterS: 5 },
    );
  }
}

const read = async (path: string): Promise<JWTVerifyGetKey> =>
  createLocalJWKSet(JSON.parse(await readFile(path, "utf8")) as JSONWebKeySet);
