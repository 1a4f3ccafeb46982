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
import { createReferenceIndex } from "./reference-index.ts";

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

/** To be called before the replica, the book and the feed of groups run. */
export function collectFiles(deps: {
  broker: Broker;
  replica: Replica;
  book: ConfigBook;
  groups: Groups;
  files: Files;
  log: Log;
}): Duty {
  const { broker, replica, book, groups, files, log } = deps;
  const { all } = createReferenceIndex({
    board: replica.board,
    groups: groups.desk.index,
    bundles: files.shelf,
  });
  return createCollection({
    files: files.store,
    references: all,
    async caughtUp() {
      await Promise.all([groups.feed.caughtUp(), book.feed.caughtUp(), replica.caughtUp()]);
    },
    clock: broker.clock,
    log,
  });
}
