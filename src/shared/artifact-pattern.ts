// Which paths a pattern means: `*` and `?` stand for parts of a name, `**` for any number of directories.
//
// Not a library's patterns: those become regular expressions, and one such as `*a*a*a*b` would hold up the whole worker.

export type PathPattern = {
  /** The directories, or the file, that it names before its first wildcard: nothing else need be looked at. */
  readonly base: readonly string[];
  /** What it names, and everything below. */
  matches(path: readonly string[]): boolean;
};

const ANY_DEPTH = "**";
const MAX_LENGTH = 256;

/** True for a relative path within its directory, in which `**` stands alone between slashes. */
export function isPathPattern(text: string): boolean {
  const parts = partsOf(text);
  return (
    text.length <= MAX_LENGTH &&
    !text.includes("\0") &&
    parts.every((part) => part !== "" && part !== "." && part !== "..") &&
    parts.every((part) => part === ANY_DEPTH || !part.includes(ANY_DEPTH))
  );
}

/** Of a text that `isPathPattern` accepts. */
export function compilePattern(text: string): PathPattern {
  const parts = partsOf(text);
  const wild = parts.findIndex((part) => /[*?]/.test(part));
  const names = [...parts, ANY_DEPTH].map((part) =>
    part === ANY_DEPTH ? ANY_DEPTH : Array.from(part),
  );
  return {
    base: wild === -1 ? parts : parts.slice(0, wild),
    matches: (path) => fits(names, path, isAnyDepth, fitsName),
  };
}

const partsOf = (text: string): string[] => text.replace(/\/$/, "").split("/");

const isAnyDepth = (part: Name): boolean => part === ANY_DEPTH;

type Name = typeof ANY_DEPTH | string[];

const fitsName = (name: Name, actual: string): boolean =>
  name !== ANY_DEPTH &&
  fits(
    name,
    Array.from(actual),
    (character) => character === "*",
    (character, real) => character === "?" || character === real,
  );

/**
 * Whether the items are what the parts say, of which some stand for any number of items and each other for one.
 * After a misfit only the last of the former need take one item more, so that it is done in at most parts × items steps.
 */
function fits<Part, Item>(
  parts: readonly Part[],
  items: readonly Item[],
  isMany: (part: Part) => boolean,
  isOne: (part: Part, item: Item) => boolean,
): boolean {
  let [part, item] = [0, 0];
  let many: { part: number; item: number } | undefined;
  while (item < items.length) {
    const current = parts[part];
    if (current !== undefined && isMany(current)) {
      many = { part, item };
      part += 1;
    } else if (current !== undefined && isOne(current, items[item]!)) {
      part += 1;
      item += 1;
    } else if (many !== undefined) {
      many.item += 1;
      part = many.part + 1;
      item = many.item;
    } else return false;
  }
  return parts.slice(part).every(isMany);
}
