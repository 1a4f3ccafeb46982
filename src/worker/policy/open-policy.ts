// Makes a policy of what the operator configured: keys read, names looked up, and everything checked before any job comes.
import { execFile } from "node:child_process";
import { createPublicKey, type KeyObject } from "node:crypto";
import { readFile, realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";

import { MillraceError } from "../../shared/errors.ts";
import type { Limits, User } from "../launcher/protocol.ts";
import type { Policy } from "./policy.ts";

/** The operator's words. Directories are absolute. */
export type PolicyConfig = {
  jobsDir?: string;
  allow: readonly string[];
  /** `user` or `user:group`, as names or numbers. */
  runAs?: string;
  limits: Limits;
  secretsDir?: string;
  secretEnv: Readonly<Record<string, string>>;
  /** File of a public key in PEM, by the name of the signer. */
  signers: Readonly<Record<string, string>>;
};

const run = promisify(execFile);

/** Throws `invalid_config` that says what cannot be had. */
export async function openPolicy(config: PolicyConfig, workRoot: string): Promise<Policy> {
  const { jobsDir, allow, runAs, limits, secretsDir, secretEnv, signers } = config;
  if (jobsDir !== undefined) await requireDirectory("--jobs-dir", jobsDir);
  if (secretsDir !== undefined) await requireDirectory("--secrets-dir", secretsDir);
  const user = runAs === undefined ? undefined : await findUser(runAs);
  if (user !== undefined) await requireReachable(workRoot, user);
  const keys = await readKeys(signers);
  return {
    limits,
    secretEnv,
    ...(jobsDir === undefined ? {} : { jobsDir }),
    ...(allow.length === 0 ? {} : { allow }),
    ...(user === undefined ? {} : { user }),
    ...(secretsDir === undefined ? {} : { secretsDir }),
    ...(keys.size === 0 ? {} : { signers: keys }),
  };
}

const invalid = (message: string, cause?: unknown) =>
  new MillraceError("invalid_config", message, { cause });

async function requireDirectory(option: string, path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) throw invalid(`${option} ${path} is no directory.`);
}

async function findUser(text: string): Promise<User> {
  if (process.getuid?.() !== 0)
    throw invalid(
      "--run-as needs a worker that runs as root; leave it out to run jobs as yourself.",
    );
  const [name = "", group] = text.split(":", 2);
  try {
    const uid = await idOf("-u", name);
    const gid = group === undefined ? await idOf("-g", name) : await groupId(group);
    return { uid, gid };
  } catch (error) {
    throw invalid(`--run-as ${text}: there is no such user or group here.`, error);
  }
}

async function idOf(kind: "-u" | "-g", user: string): Promise<number> {
  return Number((await run("id", [kind, "--", user])).stdout);
}

async function groupId(group: string): Promise<number> {
  if (/^\d{1,9}$/.test(group)) return Number(group);
  const { stdout } = await run("getent", ["group", "--", group]);
  return Number(stdout.split(":")[2]);
}

/** Attempts have their directories below the root, so that their user must be able to pass through everything above it. */
async function requireReachable(root: string, { uid, gid }: User): Promise<void> {
  for (let path = await existing(root); ; path = dirname(path)) {
    const { mode, uid: owner, gid: group } = await stat(path);
    const bit = owner === uid ? 0o100 : group === gid ? 0o010 : 0o001;
    if ((mode & bit) === 0)
      throw invalid(
        `--run-as: that user cannot enter ${path}, which is above --work-root. Choose another --work-root, or chmod o+x ${path}.`,
      );
    if (path === dirname(path)) return;
  }
}

async function existing(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    return existing(dirname(path));
  }
}

async function readKeys(files: Readonly<Record<string, string>>): Promise<Map<string, KeyObject>> {
  const keys = new Map<string, KeyObject>();
  for (const [name, file] of Object.entries(files)) {
    const key = await readKey(file).catch((error: unknown) => {
      throw invalid(`--signer ${name}=${file}: this is no public key in PEM.`, error);
    });
    if (key.asymmetricKeyType !== "ed25519")
      throw invalid(`--signer ${name}=${file}: the key must be an Ed25519 key.`);
    keys.set(name, key);
  }
  return keys;
}

const readKey = async (file: string): Promise<KeyObject> => createPublicKey(await readFile(file));
