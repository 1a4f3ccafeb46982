import { describe, expect, it } from "vitest";
import { checkServerVersion, isAtLeast } from "../../../../src/shared/io/broker-version.ts";

describe("isAtLeast", () => {
  it.each([
    ["2.12.0", "2.12.0"],
    ["2.12.1", "2.12.0"],
    ["2.14.0", "2.12.9"],
    ["3.0.0", "2.12.0"],
    ["10.0.0", "9.9.9"],
    ["v2.14.0", "2.12.0"],
    ["2.13.0-beta.2", "2.12.0"],
  ])("%s is at least %s", (found, needed) => {
    expect(isAtLeast(found, needed)).toBe(true);
  });

  it.each([
    ["2.9.10", "2.12.0"],
    ["2.11.99", "2.12.0"],
    ["1.99.99", "2.0.0"],
    ["2.12", "2.12.0"],
    ["", "2.12.0"],
    ["unknown", "2.12.0"],
  ])("%s is not at least %s", (found, needed) => {
    expect(isAtLeast(found, needed)).toBe(false);
  });
});

describe("checkServerVersion", () => {
  it("accepts what Millrace was built against", () => {
    expect(() => checkServerVersion("2.14.0")).not.toThrow();
  });

  it("names the version found and the version needed", () => {
    const refusal = expect.objectContaining({
      code: "broker_too_old",
      message: expect.stringMatching(/2\.9\.10.*2\.12\.0/),
    });
    expect(() => checkServerVersion("2.9.10")).toThrow(refusal);
  });

  it("says so when the server does not tell its version", () => {
    expect(() => checkServerVersion("")).toThrow(/version unknown/);
  });
});
