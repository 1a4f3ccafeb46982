// Attacks by what an archive holds that workers would unpack.
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { pack, type Header } from "tar-stream";

import type { Attack } from "./attack.ts";

type Entry = Partial<Header> & { name: string };

async function archiveOf(...entries: Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const entry of entries)
    if (entry.type === undefined) archive.entry(entry, "x");
    else archive.entry(entry);
  archive.finalize();
  return buffer(archive as AsyncIterable<Uint8Array>);
}

const push = (name: string, make: () => Buffer | Promise<Buffer>): Attack => ({
  name,
  attack: async (lab) =>
    lab.send({
      method: "PUT",
      path: "/v1/bundles/hostile",
      headers: { "Content-Type": "application/x-tar" },
      body: await make(),
    }),
  refusedAs: "422 invalid_archive",
});

const holding = (name: string, ...entries: Entry[]): Attack =>
  push(name, () => archiveOf(...entries));

export const ARCHIVES: Attack[] = [
  push("no archive", () => Buffer.from("rubbish".repeat(200))),
  push("nothing", () => Buffer.alloc(0)),
  push("gzip of nothing but zeros", () => gzipSync(Buffer.alloc(50_000_000, 1))),
  push("half an archive", async () => (await archiveOf({ name: "a", size: 1 })).subarray(0, 600)),
  holding("a way up", { name: "../a" }),
  holding("a way up from below", { name: "a/../../b" }),
  holding("an absolute name", { name: "/etc/cron.d/a" }),
  holding("a link out", { name: "a", type: "symlink", linkname: "../../etc" }),
  holding("a link to the root", { name: "a", type: "symlink", linkname: "/etc/passwd" }),
  holding("a hard link out", { name: "a", type: "link", linkname: "/etc/passwd" }),
  holding("a file below a link", { name: "a", type: "symlink", linkname: "b" }, { name: "a/c" }),
  holding("a device", { name: "a", type: "character-device" }),
  holding("a queue of bytes", { name: "a", type: "fifo" }),
  holding("names that differ by case", { name: "Readme" }, { name: "README" }),
  holding("a control character", { name: "a\u0007b" }),
];
