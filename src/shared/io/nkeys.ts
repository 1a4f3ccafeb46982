// Key pairs that the broker knows its clients by. The seed stays with its owner, in a file that nobody else can read.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { createAccount, createUser, fromSeed, type KeyPair } from "@nats-io/nkeys";

import { MillraceError } from "../errors.ts";

export const newUserKey = (): KeyPair => createUser();
export const newAccountKey = (): KeyPair => createAccount();

/** Never overwrites. */
export function writeSeed(file: string, pair: KeyPair): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${new TextDecoder().decode(pair.getSeed())}\n`, { mode: 0o600, flag: "wx" });
}

/** Throws `invalid_config`. */
export function readSeed(file: string): KeyPair {
  try {
    return fromSeed(new TextEncoder().encode(readFileSync(file, "utf8").trim()));
  } catch (cause) {
    throw new MillraceError("invalid_config", `${file} does not hold the seed of an nkey.`, {
      cause,
    });
  }
}
