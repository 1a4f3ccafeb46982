// Patterns of artifacts, their paths and lists, and the limits that hold.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  ARTIFACT_LIMITS,
  decodeManifest,
  encodeManifest,
  isArtifactPath,
  lowerLimits,
} from "../../../src/shared/artifact.ts";
import { compilePattern, isPathPattern } from "../../../src/shared/artifact-pattern.ts";

const fits = (pattern: string, path: string): boolean =>
  compilePattern(pattern).matches(path.split("/"));

describe("a pattern", () => {
  it.each([
    ["out", "out"],
    ["out", "out/a/b.txt"],
    ["out/", "out/a"],
    ["out/**", "out/a/b"],
    ["*.log", "a.log"],
    ["*.log", ".log"],
    ["**/*.log", "a.log"],
    ["**/*.log", "a/b/c.log"],
    ["a/**/z", "a/z"],
    ["a/**/z", "a/b/c/z"],
    ["a/*/z", "a/b/z"],
    ["ca?e", "cafe"],
    ["ca?e", "ca\u{1F600}e"],
    ["**", "anything/at/all"],
    ["a*b*c", "aXbYbZc"],
    ["**/b/**/c", "a/b/a/b/x/c"],
    ["[a]{b}", "[a]{b}"],
  ])("%s means %s", (pattern, path) => {
    expect(fits(pattern, path)).toBe(true);
  });

  it.each([
    ["out", "output"],
    ["out/*", "out"],
    ["*.log", "a/b.log"],
    ["a/*/z", "a/b/c/z"],
    ["ca?e", "cae"],
    ["a*b*c", "aXbY"],
    ["*/b", "b"],
  ])("%s does not mean %s", (pattern, path) => {
    expect(fits(pattern, path)).toBe(false);
  });

  it("stays within its directory", () => {
    for (const pattern of [
      "/etc",
      "../x",
      "a/../b",
      "a//b",
      "./a",
      "",
      "a**",
      "x\0",
      "a".repeat(257),
    ])
      expect([pattern, isPathPattern(pattern)]).toEqual([pattern, false]);
    for (const pattern of ["a", "a/", "**", "a/**/b", "..a", "a..", "*"])
      expect([pattern, isPathPattern(pattern)]).toEqual([pattern, true]);
  });

  it("begins where its wildcards do", () => {
    expect(compilePattern("out/logs/*.txt").base).toEqual(["out", "logs"]);
    expect(compilePattern("out/a.txt").base).toEqual(["out", "a.txt"]);
    expect(compilePattern("**/x").base).toEqual([]);
  });

  it("says the same as a regular expression, for any pattern and path", () => {
    const name = fc.stringMatching(/^[ab]{1,4}$/);
    const part = fc.oneof(fc.constant("**"), fc.stringMatching(/^[ab?*]{1,5}$/));
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 4 }),
        fc.array(name, { minLength: 1, maxLength: 5 }),
        (parts, names) => {
          const pattern = parts.join("/");
          fc.pre(isPathPattern(pattern));
          expect(fits(pattern, names.join("/"))).toBe(regular(parts).test(`${names.join("/")}/`));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("takes no longer for a hostile one", () => {
    const pattern = `${"*a".repeat(120)}b`;
    const startedAt = performance.now();
    expect(fits(pattern, "a".repeat(250))).toBe(false);
    expect(fits("**/a/".repeat(50) + "b", Array(500).fill("a").join("/"))).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});

/** Matches a path that ends in a slash. */
function regular(parts: readonly string[]): RegExp {
  const texts = [...parts, "**"].map((part) =>
    part === "**" ? "(?:[^/]+/)*" : `${part.replaceAll("*", "[^/]*").replaceAll("?", "[^/]")}/`,
  );
  return new RegExp(`^${texts.join("")}$`);
}

it("takes paths that can be written again anywhere", () => {
  for (const path of ["a", "a/b.txt", "ü/日本", "-x", " "]) expect(isArtifactPath(path)).toBe(true);
  for (const path of [
    "",
    "/a",
    "a/",
    "a//b",
    ".",
    "../a",
    "a/..",
    "a\nb",
    "a\\b",
    "\uD800",
    "x".repeat(1_025),
  ])
    expect([path, isArtifactPath(path)]).toEqual([path, false]);
});

it("holds the lower of two limits", () => {
  expect(lowerLimits(ARTIFACT_LIMITS)).toEqual(ARTIFACT_LIMITS);
  expect(lowerLimits(ARTIFACT_LIMITS, { files: 2, fileBytes: 2 ** 40 })).toEqual({
    ...ARTIFACT_LIMITS,
    files: 2,
  });
});

it("reads only lists that it could have written", () => {
  const file = { path: "a/b", bytes: 1, digest: `sha256:${"0".repeat(64)}`, mode: 0o644 } as const;
  expect(decodeManifest(encodeManifest([file]))).toEqual([file]);
  for (const bad of ["", "{}", '{"v":2,"files":[]}', encodeManifest([{ ...file, path: "../x" }])])
    expect(decodeManifest(bad)).toBeUndefined();
});
