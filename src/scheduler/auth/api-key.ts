// API keys: what callers hold, and what is stored of it, from which no key can be made.
import { createHash, timingSafeEqual } from "node:crypto";
import { customAlphabet } from "nanoid";
import { z } from "zod";

import { ID_ALPHABET, isName } from "../../shared/names.ts";
import type { Caller } from "./caller.ts";
import { scopesOf } from "./scopes.ts";
import { decodeStored } from "../../shared/stored.ts";

/** The kind of its entries in the configuration; they are named by the key's id. */
export const API_KEY_KIND = "api-key";

const stored = z.object({
  v: z.literal(1),
  /** Whom it stands for. */
  name: z.string(),
  /** SHA-256 of the secret. The secret has 200 random bits, so that nothing slower is needed. */
  hash: z.string(),
  roles: z.array(z.string()),
  scopes: z.array(z.string()),
  namespace: z.exactOptional(z.string().refine(isName)),
  createdAt: z.number(),
  createdBy: z.string(),
  /** Epoch ms; absent: never. */
  expiresAt: z.exactOptional(z.number()),
});

export type ApiKey = z.infer<typeof stored>;

export const decodeApiKey = (text: string): ApiKey | undefined => decodeStored(text, stored);

const newId = customAlphabet(ID_ALPHABET, 12);
const newSecret = customAlphabet(ID_ALPHABET, 40);
const KEY = /^mrk_([0-9a-z]{12})_([0-9a-z]{40})$/;

const digest = (secret: string): Buffer => createHash("sha256").update(secret).digest();

export type MintedKey = {
  id: string;
  /** What the caller gets to see, once. */
  key: string;
  hash: string;
};

export function mintKey(): MintedKey {
  const id = newId();
  const secret = newSecret();
  return { id, key: `mrk_${id}_${secret}`, hash: digest(secret).toString("hex") };
}

export const isKeyId = (text: string): boolean => /^[0-9a-z]{12}$/.test(text);

/** The parts of a text that looks like a key. */
export function partsOfKey(text: string): { id: string; secret: string } | undefined {
  const [, id, secret] = KEY.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

/** True when the secret is the stored key's. */
export function opens(secret: string, { hash }: ApiKey): boolean {
  const wanted = Buffer.from(hash, "hex");
  const given = digest(secret);
  return wanted.length === given.length && timingSafeEqual(wanted, given);
}

export const callerOfKey = ({ name, roles, scopes, namespace }: ApiKey): Caller => ({
  name,
  by: "key",
  scopes: scopesOf(roles, scopes),
  ...(namespace === undefined ? {} : { namespace }),
});
