import { homedir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { defaultCacheDir, defaultDataDir } from "../../../../src/shared/io/config.ts";

describe("directories", () => {
  it("follow the XDG variables", () => {
    expect(defaultDataDir({ XDG_STATE_HOME: "/state", HOME: "/home/a" })).toBe("/state/millrace");
    expect(defaultCacheDir({ XDG_CACHE_HOME: "/cache", HOME: "/home/a" })).toBe("/cache/millrace");
  });

  it("lie below HOME otherwise, also when the variables are empty", () => {
    expect(defaultDataDir({ HOME: "/home/a" })).toBe("/home/a/.local/state/millrace");
    expect(defaultDataDir({ XDG_STATE_HOME: "", HOME: "/home/a" })).toBe(
      "/home/a/.local/state/millrace",
    );
    expect(defaultCacheDir({ HOME: "/home/a" })).toBe("/home/a/.cache/millrace");
  });

  it("find the home directory when HOME is not set", () => {
    expect(defaultCacheDir({})).toBe(join(homedir(), ".cache", "millrace"));
  });
});
