// What the scheduler does with stored files, put together.
import { tmpdir } from "node:os";

import { decodeBundle, type Bundle } from "../../shared/bundle.ts";
import type { Broker } from "../../shared/io/broker.ts";
import { createConfigStore } from "../../shared/io/config-store.ts";
import { createFileStore, type FileStore } from "../../shared/io/files.ts";
import { createHappenings } from "../../shared/io/happenings.ts";
import type { Log } from "../../shared/io/log.ts";
import type { ConfigBook, Shelf } from "../config-book.ts";
import type { Duty } from "../duties.ts";
import type { Groups } from "../groups/groups.ts";
import type { Replica } from "../replica.ts";
import { createBundleDesk, type BundleDesk } from "./bundle-desk.ts";
import { createCollection } from "./collection.ts";
import { jobReferences } from "./job-references.ts";
import { createReferences } from "./references.ts";

export type Files = { store: FileStore; bundles: BundleDesk; shelf: Shelf<Bundle> };

/** To be called before the book runs. */
export function openFiles({ broker, book }: { broker: Broker; book: ConfigBook }): Files {
  const store = createFileStore(broker, { spoolDir: tmpdir() });
  const shelf = book.shelf("bundle", decodeBundle);
  const bundles = createBundleDesk({
    files: store,
    entries: createConfigStore(broker, "bundle", decodeBundle),
    shelf,
    clock: broker.clock,
    tell: createHappenings(broker).tell,
  });
  return { store, bundles, shelf };
}

export function collectFiles(deps: {
  broker: Broker;
  replica: Replica;
  book: ConfigBook;
  groups: Groups;
  files: Files;
  log: Log;
}): Duty {
  const { broker, replica, book, groups, files, log } = deps;
  return createCollection({
    files: files.store,
    references: createReferences({
      jobs: () => jobReferences(broker, files.store),
      groups: groups.feed.index,
      bundles: files.shelf,
    }),
    async caughtUp() {
      await Promise.all([groups.feed.caughtUp(), book.feed.caughtUp(), replica.caughtUp()]);
    },
    clock: broker.clock,
    log,
  });
}
