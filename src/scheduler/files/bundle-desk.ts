// Where bundles are pushed, looked at, named in jobs and removed. Names are scoped: each namespace has its own.
import { once } from "node:events";
import { PassThrough, type Readable } from "node:stream";

import { BUNDLE_LIMITS, type ArchiveFacts } from "../../shared/archive.ts";
import {
  parseReference,
  versionOf,
  withoutVersion,
  withVersion,
  type Bundle,
  type BundleVersion,
} from "../../shared/bundle.ts";
import { MillraceError } from "../../shared/errors.ts";
import { isDigest } from "../../shared/file.ts";
import { readArchive } from "../../shared/io/archive.ts";
import type { Clock } from "../../shared/io/clock.ts";
import type { ConfigStore, Revised } from "../../shared/io/config-store.ts";
import type { FileStore } from "../../shared/io/files.ts";
import type { Happenings } from "../../shared/io/happenings.ts";
import { deferred } from "../../shared/io/lifecycle.ts";
import { namespaceOf, plainName, scopedName } from "../../shared/scoped-name.ts";
import type { JobSpec } from "../../shared/spec.ts";
import type { Shelf } from "../config-book.ts";
import { insist } from "../expected.ts";

export type Pushed = {
  bundle: Bundle;
  version: BundleVersion;
  /** False when the newest version had that content already. */
  isNew: boolean;
};

export type BundleDesk = {
  /** All bundles of all namespaces, as this replica knows them. */
  list(): Revised<Bundle>[];
  /** Throws `bundle_not_found`. */
  read(name: string): Promise<Bundle>;
  /** Stores an archive as the newest version. Throws `invalid_archive`, `body_too_large`, `bundle_full`. */
  push(
    name: string,
    archive: AsyncIterable<Uint8Array>,
    how: { tag?: string | undefined; by: string },
  ): Promise<Pushed>;
  /** Throws `bundle_not_found`. */
  open(name: string, selector: string): Promise<{ version: BundleVersion; content: Readable }>;
  /** Removes the bundle, or one version of it. Throws `bundle_not_found`. */
  remove(name: string, selector: string | undefined, by: string): Promise<void>;
  /** The spec with the digest of the bundle that it names. Throws `invalid_spec` when the namespace has no such bundle. */
  resolve(spec: JobSpec, namespace: string | undefined): Promise<JobSpec>;
};

/** Bytes of one archive. */
const MAX_BYTES = 2 ** 30;
const SEEN_WITHIN_MS = 5_000;

export function createBundleDesk(deps: {
  files: Pick<FileStore, "put" | "read">;
  entries: ConfigStore<Bundle>;
  shelf: Pick<Shelf<Bundle>, "entries" | "get" | "watch">;
  clock: Clock;
  tell: Happenings["tell"];
}): BundleDesk {
  const { files, entries, shelf, clock, tell } = deps;

  async function find(name: string): Promise<Revised<Bundle>> {
    const found = await entries.read(name);
    if (found !== undefined) return found;
    throw noBundle(plainName(name));
  }

  const told = (name: string, what: string, actor: string, version?: number): Promise<number> =>
    tell({
      v: 1,
      at: clock.now(),
      kind: "bundle",
      name,
      what,
      actor,
      ...(version === undefined ? {} : { detail: { version } }),
    });

  /** Whoever is told of a version can name its digest here at once. */
  async function seen(name: string, revision: number): Promise<void> {
    const isSeen = (): boolean => (shelf.get(name)?.revision ?? 0) >= revision;
    if (isSeen()) return;
    const known = deferred<void>();
    using _watch = shelf.watch(() => {
      if (isSeen()) known.resolve();
    });
    const timer = setTimeout(known.resolve, SEEN_WITHIN_MS);
    await known.promise;
    clearTimeout(timer);
  }

  const hasDigest = (digest: string, namespace: string | undefined): boolean =>
    shelf
      .entries()
      .some(
        ({ name, value }) =>
          (namespace === undefined || namespaceOf(name) === namespace) &&
          value.versions.some((version) => version.digest === digest),
      );

  return {
    list: () => shelf.entries(),
    read: async (name) => (await find(name)).value,
    async push(name, archive, { tag, by }) {
      let facts: ArchiveFacts = { files: 0, bytes: 0 };
      const checked = checkedArchive(archive, (found) => (facts = found));
      const { digest, size } = await files.put(checked, { limitBytes: MAX_BYTES });
      const content = { digest, size, files: facts.files, unpackedBytes: facts.bytes };
      const { before, bundle, revision } = await insist(async () => {
        const found = await entries.read(name);
        const changed = withVersion(found?.value, content, { tag, at: clock.now(), by });
        const at = await entries.put(name, changed, found?.revision ?? 0);
        return { before: found?.value, bundle: changed, revision: at };
      });
      const version = bundle.versions.at(-1)!;
      const isNew = before?.versions.at(-1)?.version !== version.version;
      await told(name, isNew ? "pushed" : "tagged", by, version.version);
      await seen(name, revision);
      return { bundle, version, isNew };
    },
    async open(name, selector) {
      const version = versionOf((await find(name)).value, selector);
      if (version === undefined) throw noBundle(`${plainName(name)}@${selector}`);
      return { version, content: files.read(version.digest) };
    },
    remove: (name, selector, by) =>
      insist(async () => {
        const { value, revision } = await find(name);
        const version = selector === undefined ? undefined : versionOf(value, selector);
        if (selector !== undefined && version === undefined)
          throw noBundle(`${plainName(name)}@${selector}`);
        const left = version && withoutVersion(value, version.version);
        if (left === undefined) await entries.remove(name, revision);
        else await entries.put(name, left, revision);
        await told(name, "removed", by, version?.version);
      }),
    async resolve(spec, namespace) {
      const { bundle } = spec;
      if (bundle === undefined) return spec;
      if (isDigest(bundle)) {
        if (hasDigest(bundle, namespace)) return spec;
        throw unknownBundle(bundle);
      }
      const { name, selector } = parseReference(bundle);
      const found = await entries.read(scopedName(name, namespace));
      const version = found && versionOf(found.value, selector);
      if (version === undefined) throw unknownBundle(bundle);
      return { ...spec, bundle: version.digest };
    },
  };
}

/** The source as it comes, to its end only if it is an archive that workers can unpack. */
async function* checkedArchive(
  source: AsyncIterable<Uint8Array>,
  onFacts: (facts: ArchiveFacts) => void,
): AsyncGenerator<Uint8Array> {
  const side = new PassThrough();
  // it ends with the check, which says why
  side.on("error", () => {});
  const checking = readArchive(side, BUNDLE_LIMITS, async () => {});
  checking.catch(() => {});
  try {
    for await (const bytes of source) {
      if (!side.write(bytes)) await Promise.race([once(side, "drain"), checking]);
      yield bytes;
    }
    side.end();
    onFacts(await checking);
  } finally {
    side.destroy();
  }
}

const noBundle = (what: string): MillraceError =>
  new MillraceError("bundle_not_found", `There is no bundle ${what}.`);

const unknownBundle = (bundle: string): MillraceError =>
  new MillraceError(
    "invalid_spec",
    `bundle: there is no ${bundle}; \`millrace bundle push\` it first.`,
    { field: "bundle" },
  );
