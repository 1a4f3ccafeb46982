import { spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";

import { readCliConfig } from "../../../src/cli/config.ts";
import { announce, announced, brokerUrl, serverUrl } from "../../../src/cli/server-address.ts";
import { tempDir } from "../../lab/temp-dir.ts";

const addresses = (port: number) => ({
  url: `http://127.0.0.1:${port}`,
  natsUrl: `nats://127.0.0.1:${port + 1}`,
});

it("prefers what it was told, then the environment, then an announcement, then the usual", async () => {
  await using dir = await tempDir();
  const quiet = readCliConfig({ MILLRACE_DATA_DIR: dir.path });
  const told = readCliConfig({
    MILLRACE_DATA_DIR: dir.path,
    MILLRACE_URL: "http://env",
    NATS_URL: "nats://env",
  });
  expect(serverUrl(undefined, quiet)).toBe("http://127.0.0.1:7070");
  expect(brokerUrl(undefined, quiet)).toBe("nats://127.0.0.1:4222");
  await using _announcement = await announce(dir.path, addresses(7100));
  expect(serverUrl(undefined, quiet)).toBe("http://127.0.0.1:7100");
  expect(brokerUrl(undefined, quiet)).toBe("nats://127.0.0.1:7101");
  expect(serverUrl(undefined, told)).toBe("http://env");
  expect(brokerUrl(undefined, told)).toBe("nats://env");
  expect(serverUrl("http://told", told)).toBe("http://told");
  expect(brokerUrl("nats://told", told)).toBe("nats://told");
});

it("knows all that are announced, and none that has gone", async () => {
  await using dir = await tempDir();
  await mkdir(join(dir.path, "servers"));
  const dead = { pid: spawnSync("true").pid, startedAt: 0, ...addresses(7000) };
  await writeFile(join(dir.path, "servers", "7000.json"), JSON.stringify(dead));
  await writeFile(join(dir.path, "servers", "7001.json"), '{"pid": 1, "st');
  {
    await using _first = await announce(dir.path, addresses(7200));
    await using _second = await announce(dir.path, addresses(7100));
    expect(
      announced(dir.path)
        .map(({ url }) => url)
        .toSorted(),
    ).toEqual(["http://127.0.0.1:7100", "http://127.0.0.1:7200"]);
  }
  expect(announced(dir.path)).toEqual([]);
});
