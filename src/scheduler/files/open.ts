// What the scheduler does with stored files, put together.
import { tmpdir } from "node:os";

import { decodeBundle } from "../../shared/bundle.ts";
import type { Broker } from "../../shared/io/broker.ts";
import { createConfigStore } from "../../shared/io/config-store.ts";
import { createFileStore, type FileStore } from "../../shared/io/files.ts";
import { createHappenings } from "../../shared/io/happenings.ts";
import type { ConfigBook } from "../config-book.ts";
import { createBundleDesk, type BundleDesk } from "./bundle-desk.ts";

export type Files = { store: FileStore; bundles: BundleDesk };

/** To be called before the book runs. */
export function openFiles({ broker, book }: { broker: Broker; book: ConfigBook }): Files {
  const store = createFileStore(broker, { spoolDir: tmpdir() });
  const bundles = createBundleDesk({
    files: store,
    entries: createConfigStore(broker, "bundle", decodeBundle),
    shelf: book.shelf("bundle", decodeBundle),
    clock: broker.clock,
    tell: createHappenings(broker).tell,
  });
  return { store, bundles };
}
