import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import * as payloads from "../../../../src/worker/launcher/payloads.ts";
import type { ExitReport, SpawnRequest } from "../../../../src/worker/launcher/protocol.ts";

const REQUEST: SpawnRequest = {
  argv: ["echo", "", "a b"],
  env: { PATH: "/bin", EQUALS: "x=y", EMPTY: "" },
  cwd: "/tmp",
  tag: "job.1",
  stdin: "/dev/null",
  graceMs: 300,
  limits: {},
};
const EXIT: ExitReport = {
  ended: { kind: "exited", code: 3 },
  at: 1_700_000_000_000,
  stopped: false,
  strays: 0,
};

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const bytes = (...fields: string[]) => Buffer.from(fields.map((field) => `${field}\0`).join(""));

// The native launcher speaks these bytes too.
describe("payloads are fields that end with NUL", () => {
  test("spawn", () => {
    expect(text(payloads.encodeSpawn(REQUEST))).toBe(
      "300\0/tmp\0job.1\0/dev/null\0\0\0\0\0\0\0\0\x003\0echo\0\0a b\0PATH=/bin\0EQUALS=x=y\0EMPTY=\0",
    );
  });

  test("spawn as another user, within limits, in a group", () => {
    const user = { uid: 7, gid: 8 };
    const request = { ...REQUEST, user, limits: { openFiles: 64 }, group: "/cg/cgroup.procs" };
    const encoded = payloads.encodeSpawn(request);
    expect(text(encoded)).toContain(
      "/dev/null\0/cg/cgroup.procs\x007\x008\0\0\x0064\0\0\x003\0echo",
    );
    expect(payloads.decodeSpawn(encoded)).toEqual(request);
  });

  test("exited, without and with usage", () => {
    expect(text(payloads.encodeExit(EXIT))).toBe("1700000000000\x003\x000\x000\x000\0\0\0");
    expect(payloads.decodeExit(bytes("5", "0", "9", "1", "2", "1500", "640"))).toEqual({
      ended: { kind: "signalled", signal: "SIGKILL" },
      at: 5,
      stopped: true,
      strays: 2,
      usage: { cpuMs: 1.5, maxRssKb: 640 },
    });
  });

  test("failed, with the errno as a number", () => {
    expect(payloads.decodeFailure(bytes("5", "interpreter", "2", "/no/such"))).toEqual({
      at: 5,
      part: "interpreter",
      code: "ENOENT",
      file: "/no/such",
    });
  });
});

test("any spawn request comes out as it went in", () => {
  const word = fc.string({ unit: "grapheme" }).filter((some) => !some.includes("\0"));
  const name = fc.stringMatching(/^[A-Z_]+$/);
  const requests = fc.record({
    argv: fc.array(word),
    env: fc.dictionary(name, word, { noNullPrototype: true }),
    cwd: word,
    tag: word,
    stdin: word,
    graceMs: fc.nat(),
    limits: fc.record({ cpuSeconds: fc.nat(), fileBytes: fc.nat() }, { requiredKeys: [] }),
  });
  fc.assert(
    fc.property(requests, (request) => {
      expect(payloads.decodeSpawn(payloads.encodeSpawn(request))).toEqual(request);
    }),
  );
});

test("the other payloads come out as they went in", () => {
  const failure = { at: 1, part: "program", code: "EAGAIN", file: "" } as const;
  const exits: ExitReport[] = [
    EXIT,
    { ...EXIT, ended: { kind: "signalled", signal: "SIGABRT" }, stopped: true, strays: 4 },
    { ...EXIT, usage: { cpuMs: 0.25, maxRssKb: 1_400 } },
  ];
  expect(payloads.decodeFailure(payloads.encodeFailure(failure))).toEqual(failure);
  expect(exits.map((exit) => payloads.decodeExit(payloads.encodeExit(exit)))).toEqual(exits);
  expect(payloads.decodeStarted(payloads.encodeStarted({ pid: 7, at: 8 }))).toEqual({
    pid: 7,
    at: 8,
  });
  expect(payloads.decodeStrays(payloads.encodeStrays({ tag: "a.1", count: 2 }))).toEqual({
    tag: "a.1",
    count: 2,
  });
  expect(payloads.decodeCredit(payloads.encodeCredit(131_072))).toBe(131_072);
});

test.each<Partial<SpawnRequest>>([
  { argv: ["a\0b"] },
  { env: { A: "\0" } },
  { env: { "A\0": "" } },
  { cwd: "/\0" },
])("a NUL byte within cannot be told: %j", (part) => {
  expect(payloads.isSpeakable({ ...REQUEST, ...part })).toBe(false);
  expect(payloads.isSpeakable(REQUEST)).toBe(true);
});

test.each(["", "5", "5\0x\0", "\x005\0"])("what is no payload is refused: %j", (wrong) => {
  expect(() => payloads.decodeStarted(Buffer.from(wrong))).toThrow(RangeError);
});
