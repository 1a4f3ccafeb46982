// The pure parts of reading a request: bodies, cursors, idempotency keys, hosts and origins.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { MAX_DEPTH, parseBody } from "../../../../src/scheduler/http/body.ts";
import { decodeCursor, encodeCursor } from "../../../../src/scheduler/http/cursor.ts";
import { loopbackHosts, refuse } from "../../../../src/scheduler/http/gate.ts";
import { readKey } from "../../../../src/scheduler/http/idempotency-key.ts";
import { fingerprintOf } from "../../../../src/scheduler/submission/idempotency.ts";
import { derivedId } from "../../../../src/shared/derived-id.ts";
import { isJobId } from "../../../../src/shared/names.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

const nested = (depth: number) => bytes(`{"a":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`);

describe("a body", () => {
  it("comes through as it is when it is an object of harmless keys", () => {
    const keys = fc.string().filter((key) => key !== "__proto__" && key !== "constructor");
    const { value: object } = fc.letrec((tie) => ({
      value: fc.dictionary(keys, fc.oneof(fc.string(), fc.integer(), fc.boolean(), tie("value")), {
        maxKeys: 3,
      }),
    }));
    fc.assert(
      fc.property(object, (value) => {
        expect(parseBody(bytes(JSON.stringify(value)))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it("may be as deep as allowed and no deeper", () => {
    expect(() => parseBody(nested(MAX_DEPTH))).not.toThrow();
    expect(() => parseBody(nested(MAX_DEPTH + 1))).toThrow(/deeper than 64/);
  });

  it("cannot reach a prototype", () => {
    expect(() => parseBody(bytes('{"a":[{"__proto__":{"polluted":1}}]}'))).toThrow(
      "a[0].__proto__",
    );
    expect({}).not.toHaveProperty("polluted");
  });
});

describe("a cursor", () => {
  it("gives back its position for the same question only", () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), fc.string(), (scope, at, id) => {
        const text = encodeCursor(scope, { at, id });
        fc.pre(text.length <= 512);
        expect(decodeCursor(scope, text)).toEqual({ at, id });
        expect(() => decodeCursor(`${scope}!`, text)).toThrow(/cursor/);
      }),
    );
  });

  it.each(["", "x", "e30", "W10", Buffer.from('[null,{"at":1}]').toString("base64url")])(
    "is not %j",
    (text) => {
      expect(() => decodeCursor("jobs", text)).toThrow(
        expect.objectContaining({ code: "invalid_cursor" }),
      );
    },
  );
});

describe("an idempotency key", () => {
  it("names one job id per installation", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (one, other) => {
        expect(isJobId(derivedId("mr", one))).toBe(true);
        expect(derivedId("mr", one)).not.toBe(derivedId("other", one));
        expect(derivedId("mr", one) === derivedId("mr", other)).toBe(one === other);
      }),
    );
  });

  it("is printable and of a sound length", () => {
    expect(readKey(undefined)).toBeUndefined();
    expect(readKey("a key: 1")).toBe("a key: 1");
    for (const key of ["", "é", "a\tb", "x".repeat(256)])
      expect(() => readKey(key)).toThrow(/printable/);
  });

  it("goes with what the spec says, not with how it is written", () => {
    const spec = { command: ["a", "b"], env: { A: "1", B: "2" } };
    expect(fingerprintOf({ env: { B: "2", A: "1" }, command: ["a", "b"] })).toBe(
      fingerprintOf(spec),
    );
    expect(fingerprintOf({ ...spec, command: ["b", "a"] })).not.toBe(fingerprintOf(spec));
    expect(fingerprintOf({ ...spec, env: { A: "1", B: "3" } })).not.toBe(fingerprintOf(spec));
  });
});

describe("hosts and origins", () => {
  const hosts = loopbackHosts("127.0.0.1");
  const codeOf = (method: string, url: string, origin?: string) =>
    refuse(method, url, origin, hosts)?.code;

  it("are checked where the server is open to its own machine", () => {
    expect(loopbackHosts("0.0.0.0")).toBeUndefined();
    expect(loopbackHosts("::1")).toContain("[::1]");
    expect(loopbackHosts("127.8.8.8")).toContain("127.8.8.8");
    expect(refuse("GET", "http://anything/v1/jobs", undefined, undefined)).toBeUndefined();
  });

  it.each([
    "http://localhost:7070/",
    "http://LOCALHOST/v1",
    "http://127.0.0.1/",
    "http://[::1]:1/x?y",
  ])("%s is ours", (url) => {
    expect(codeOf("GET", url)).toBeUndefined();
  });

  it.each([
    "http://evil/",
    "http://localhost.evil/",
    "http://127.0.0.1.evil/",
    "http://10.0.0.1/",
    "http://[::2]/",
  ])("%s is not", (url) => {
    expect(codeOf("GET", url)).toBe("invalid_host");
  });

  it("lets foreign pages read nothing they could change", () => {
    const url = "http://localhost:7070/v1/jobs";
    expect(codeOf("GET", url, "http://evil")).toBeUndefined();
    expect(codeOf("POST", url, "http://evil")).toBe("forbidden_origin");
    expect(codeOf("POST", url, "null")).toBe("forbidden_origin");
    expect(codeOf("POST", url, "http://localhost:7071")).toBe("forbidden_origin");
    expect(codeOf("POST", url, "http://localhost:7070")).toBeUndefined();
    expect(codeOf("POST", url)).toBeUndefined();
  });
});
