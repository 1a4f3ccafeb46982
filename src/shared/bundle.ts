// Bundles: archives under a name, in numbered versions and with tags, that jobs start with a copy of.
import { z } from "zod";

import { MillraceError } from "./errors.ts";
import { digestSchema, isDigest, type Digest } from "./file.ts";
import { isName } from "./names.ts";
import { decodeStored } from "./stored.ts";

export type BundleContent = {
  digest: Digest;
  /** Bytes of the archive. */
  size: number;
  /** Files in it, and their bytes. */
  files: number;
  unpackedBytes: number;
};

export type BundleVersion = BundleContent & {
  /** Counted from 1; never given twice. */
  version: number;
  /** Epoch ms. */
  at: number;
  by: string;
};

/** What stands under a bundle's name. */
export type Bundle = {
  v: 1;
  /** The newest that was ever given. */
  lastVersion: number;
  /** Oldest first; at least one where it is stored. */
  versions: BundleVersion[];
  tags: Record<string, number>;
};

/** Names the newest version, whatever tags there are. */
export const LATEST = "latest";
const MAX_VERSIONS = 1_000;
const MAX_TAGS = 100;

const bundle: z.ZodType<Bundle> = z.object({
  v: z.literal(1),
  lastVersion: z.int(),
  versions: z
    .array(
      z.object({
        digest: digestSchema,
        size: z.number(),
        files: z.number(),
        unpackedBytes: z.number(),
        version: z.int(),
        at: z.number(),
        by: z.string(),
      }),
    )
    .min(1),
  tags: z.record(z.string(), z.int()),
});

export const decodeBundle = (text: string): Bundle | undefined => decodeStored(text, bundle);

const isVersion = (text: string): boolean => /^[1-9]\d{0,8}$/.test(text);
/** A name that is no number; `latest` is given by itself. */
export const isTag = (text: string): boolean => isName(text) && !/^\d+$/.test(text);
/** What may stand behind the `@`: a version's number or a tag. */
export const isSelector = (text: string): boolean => isVersion(text) || isTag(text);

/** `etl`, `etl@3`, `etl@stable`, or the digest of a version. */
export const bundleReference = z.string().refine((text) => {
  if (isDigest(text)) return true;
  const { name, selector } = parseReference(text);
  return isName(name) && isSelector(selector);
}, 'must be a bundle as "etl", "etl@3" or "etl@stable", or a digest as "sha256:…"');

/** The parts of a reference by name. */
export function parseReference(text: string): { name: string; selector: string } {
  const at = text.indexOf("@");
  if (at === -1) return { name: text, selector: LATEST };
  return { name: text.slice(0, at), selector: text.slice(at + 1) };
}

export function versionOf({ versions, tags }: Bundle, selector: string): BundleVersion | undefined {
  if (selector === LATEST) return versions.at(-1);
  const number = isVersion(selector) ? Number(selector) : tags[selector];
  return versions.find(({ version }) => version === number);
}

const NOTHING = { v: 1, lastVersion: 0, versions: [], tags: {} } as const satisfies Bundle;

/** The bundle with the content as its newest version, and the tag on it. What is the newest version already gets no new number. */
export function withVersion(
  old: Bundle = NOTHING,
  content: BundleContent,
  { tag = LATEST, at, by }: { tag?: string | undefined; at: number; by: string },
): Bundle {
  const newest = old.versions.at(-1);
  const isKnown = newest?.digest === content.digest;
  const version = isKnown ? newest.version : old.lastVersion + 1;
  const versions = isKnown ? old.versions : [...old.versions, { ...content, version, at, by }];
  const tags = tag === LATEST ? old.tags : { ...old.tags, [tag]: version };
  if (versions.length <= MAX_VERSIONS && Object.keys(tags).length <= MAX_TAGS)
    return { v: 1, lastVersion: Math.max(version, old.lastVersion), versions, tags };
  throw new MillraceError(
    "bundle_full",
    `A bundle has at most ${MAX_VERSIONS} versions and ${MAX_TAGS} tags; remove some that nobody needs.`,
  );
}

/** The bundle without a version and its tags; undefined when it was the only one. */
export function withoutVersion(old: Bundle, version: number): Bundle | undefined {
  const versions = old.versions.filter((one) => one.version !== version);
  const tags = Object.fromEntries(Object.entries(old.tags).filter(([, to]) => to !== version));
  return versions.length === 0 ? undefined : { ...old, versions, tags };
}

/** What a worker asks about a bundle that it follows. */
export type BundleAsk = { v: 1; bundle: string; have?: string };
/** Without a digest: there is no such bundle. */
export type BundleAnswer = { v: 1; digest?: Digest };

const ask: z.ZodType<BundleAsk> = z.object({
  v: z.literal(1),
  bundle: bundleReference,
  have: z.exactOptional(z.string()),
});
const answer: z.ZodType<BundleAnswer> = z.object({
  v: z.literal(1),
  digest: z.exactOptional(digestSchema),
});

export const decodeBundleAsk = (text: string): BundleAsk | undefined => decodeStored(text, ask);
export const decodeBundleAnswer = (text: string): BundleAnswer | undefined =>
  decodeStored(text, answer);
