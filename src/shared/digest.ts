// The names of contents: what is stored as a file is known by its digest.
import { createHash, type Hash } from "node:crypto";

/** `sha256:` and 64 lower-case hexadecimal digits. */
export type Digest = `sha256:${string}`;

const DIGEST = /^sha256:[0-9a-f]{64}$/;

export const isDigest = (value: unknown): value is Digest =>
  typeof value === "string" && DIGEST.test(value);
export const digestOf = (bytes: Uint8Array): Digest => digestIn(createHash("sha256").update(bytes));
/** Of what a SHA-256 hash was given. */
export const digestIn = (hash: Hash): Digest => `sha256:${hash.digest("hex")}`;
/** The digest's digits: what stands in subjects and names of files. */
export const digitsOf = (digest: Digest): string => digest.slice("sha256:".length);
