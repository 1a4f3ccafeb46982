import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "nats";
import { describe, expect, it } from "vitest";
import { startBrokerProcess } from "../../../../src/shared/io/broker-process.ts";
import { startEmbeddedBroker } from "../../../../src/shared/io/embedded-broker.ts";
import { freePorts } from "../../../lab/ports.ts";
import { spawnNode } from "../../../lab/spawn.ts";
import { tempDir } from "../../../lab/temp-dir.ts";
import { until } from "../../../lab/until.ts";

const OWNER = join(import.meta.dirname, "own-a-broker.ts");

async function keep(url: string, text: string): Promise<void> {
  const connection = await connect({ servers: url });
  const admin = await jetstreamManager(connection);
  await admin.streams.add({ name: "KEPT", subjects: ["kept"] });
  await jetstream(connection).publish("kept", text);
  await connection.close();
}

async function kept(url: string): Promise<string | undefined> {
  const connection = await connect({ servers: url });
  const admin = await jetstreamManager(connection);
  const message = await admin.streams.getMessage("KEPT", { last_by_subj: "kept" });
  await connection.close();
  return message?.string();
}

/** False for a zombie too: nobody may be there to reap what lost its parent. */
function isRunning(pid: number): boolean {
  try {
    return statOf(pid)[0] !== "Z";
  } catch {
    return false;
  }
}

/** State, parent, process group, … */
function statOf(pid: number | "self"): string[] {
  return readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
}

describe("startEmbeddedBroker", () => {
  it("tells what it started: the packaged server, on loopback", async () => {
    await using dir = await tempDir();
    await using broker = await startEmbeddedBroker({ dataDir: dir.path });
    expect(broker).toMatchObject({ version: "2.14.0", dataDir: dir.path });
    expect(broker.url).toMatch(/^nats:\/\/127\.0\.0\.1:\d+$/);
    expect(isRunning(broker.pid)).toBe(true);

    const connection = await connect({ servers: broker.url });
    expect(connection.info).toMatchObject({ max_payload: 8 * 1024 * 1024, jetstream: true });
    await connection.close();
  });

  it("keeps what is stored over a restart, on the port it is told", async () => {
    await using dir = await tempDir();
    const [port] = await freePorts(1);
    const first = await startEmbeddedBroker({ dataDir: dir.path, port: port! });
    await keep(first.url, "still here");
    await first.stop();
    expect(isRunning(first.pid)).toBe(false);

    await using second = await startEmbeddedBroker({ dataDir: dir.path, port: port! });
    expect(second.url).toBe(`nats://127.0.0.1:${port}`);
    expect(await kept(second.url)).toBe("still here");
  });

  it("runs beside another one with its own data", async () => {
    await using here = await tempDir();
    await using there = await tempDir();
    const [one, other] = await Promise.all([
      startEmbeddedBroker({ dataDir: here.path }),
      startEmbeddedBroker({ dataDir: there.path }),
    ]);
    await using _one = one;
    await using _other = other;
    await keep(one.url, "one");
    await keep(other.url, "other");
    expect(await kept(one.url)).toBe("one");
    expect(await kept(other.url)).toBe("other");
  });

  it("refuses a data directory that is in use, naming who has it, and leaves that one alone", async () => {
    await using dir = await tempDir();
    await using broker = await startEmbeddedBroker({ dataDir: dir.path });
    await expect(startEmbeddedBroker({ dataDir: dir.path })).rejects.toMatchObject({
      code: "broker_unavailable",
      field: "dataDir",
      message: expect.stringContaining(`${broker.url} (pid ${broker.pid})`),
    });
    await keep(broker.url, "undisturbed");
    expect(await kept(broker.url)).toBe("undisturbed");
  });

  it("gives the directory to exactly one of several that start at once", async () => {
    await using dir = await tempDir();
    const starts = await Promise.allSettled(
      Array.from({ length: 4 }, () => startEmbeddedBroker({ dataDir: dir.path })),
    );
    const started = starts
      .filter((start) => start.status === "fulfilled")
      .map((start) => start.value);
    await Promise.all(started.map((broker) => broker.stop()));
    expect(started).toHaveLength(1);
    expect(await readdir(dir.path)).not.toContain("broker.lock");
  });

  it("dies with its parent, even by SIGKILL, and the next start finds everything", async () => {
    await using dir = await tempDir();
    await using owner = await spawnNode(OWNER, [dir.path]);
    const [line] = await owner.printed(/\{.*\}/);
    const { pid, url } = JSON.parse(line) as { pid: number; url: string };
    await keep(url, "outlived them");

    await owner.kill("SIGKILL");
    await using next = await startEmbeddedBroker({ dataDir: dir.path });
    await until(() => !isRunning(pid), "the orphaned server to be gone", 2_000);
    expect(await kept(next.url)).toBe("outlived them");
  });

  it("is not touched by Ctrl-C: its parent decides when it stops", async () => {
    await using dir = await tempDir();
    await using broker = await startEmbeddedBroker({ dataDir: dir.path });
    expect(statOf(broker.pid)[2]).not.toBe(statOf("self")[2]);
  });

  it("says what the server said when it cannot start, and frees the directory", async () => {
    await using dir = await tempDir();
    await using other = await tempDir();
    await using holder = await startEmbeddedBroker({ dataDir: other.path });
    const port = Number(new URL(holder.url).port);
    await expect(startEmbeddedBroker({ dataDir: dir.path, port })).rejects.toMatchObject({
      code: "broker_unavailable",
      message: expect.stringContaining("address already in use"),
    });
    await using broker = await startEmbeddedBroker({ dataDir: dir.path });
    expect(isRunning(broker.pid)).toBe(true);
  });

  it("notices a server that ends before anything else happens", async () => {
    await using dir = await tempDir();
    const start = { binary: "/bin/false", dir: dir.path, settings: {} };
    for (let time = 0; time < 20; time += 1)
      await expect(startBrokerProcess(start)).rejects.toMatchObject({ code: "broker_unavailable" });
  });

  it("starts nothing when it is told to stop first", async () => {
    await using dir = await tempDir();
    const signal = AbortSignal.abort(new Error("never mind"));
    await expect(startEmbeddedBroker({ dataDir: dir.path, signal })).rejects.toThrow("never mind");
    expect(await readdir(dir.path)).toEqual([]);
  });

  it("tells when the server ends by itself", async () => {
    await using dir = await tempDir();
    await using broker = await startEmbeddedBroker({ dataDir: dir.path });
    process.kill(broker.pid, "SIGKILL");
    await broker.exited;
    expect(isRunning(broker.pid)).toBe(false);
  });
});
