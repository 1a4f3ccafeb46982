// What every command pays before it begins: a package that only some of them need is loaded by those.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

/** Values of a static import, or of an export from elsewhere; what is said of types alone is gone when it runs. */
const IMPORT = /^(?:import|export) (?!type )(?:[^;]*? from )?"([^"]+)";/gm;

/** Packages that are loaded with this file, by what it imports at once. */
function packagesOf(file: URL, seen = new Set<string>()): Set<string> {
  const found = new Set<string>();
  seen.add(file.href);
  for (const [, what = ""] of readFileSync(file, "utf8").matchAll(IMPORT)) {
    const next = new URL(what, file);
    if (!what.startsWith(".")) found.add(what);
    else if (!seen.has(next.href)) for (const one of packagesOf(next, seen)) found.add(one);
  }
  return found;
}

it("starts with next to nothing of what there is", () => {
  const packages = packagesOf(new URL("../../../src/cli/main.ts", import.meta.url));
  expect([...packages].filter((name) => !name.startsWith("node:")).toSorted()).toEqual([
    "commander",
    "picocolors",
  ]);
});
