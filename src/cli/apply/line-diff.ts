// What changed between two texts, line by line.

/** Every line of both texts: those in common with two spaces in front, others with `- ` or `+ `. */
export function lineDiff(before: string, after: string): string[] {
  const old = linesOf(before);
  const fresh = linesOf(after);
  const common = commonLengths(old, fresh);
  const width = fresh.length + 1;
  const lines: string[] = [];
  let row = 0;
  let column = 0;
  while (row < old.length || column < fresh.length) {
    if (row < old.length && old[row] === fresh[column]) {
      lines.push(`  ${old[row]}`);
      row += 1;
      column += 1;
      continue;
    }
    const without = common[(row + 1) * width + column] ?? -1;
    const later = common[row * width + column + 1] ?? -1;
    if (row < old.length && (column >= fresh.length || without >= later)) {
      lines.push(`- ${old[row]}`);
      row += 1;
    } else {
      lines.push(`+ ${fresh[column]}`);
      column += 1;
    }
  }
  return lines;
}

const linesOf = (text: string): string[] =>
  text === "" ? [] : text.replace(/\n$/, "").split("\n");

/** Length of the longest common part of what is behind each pair of places. */
function commonLengths(old: readonly string[], fresh: readonly string[]): Uint32Array {
  const width = fresh.length + 1;
  const lengths = new Uint32Array((old.length + 1) * width);
  for (let row = old.length - 1; row >= 0; row -= 1)
    for (let column = fresh.length - 1; column >= 0; column -= 1)
      lengths[row * width + column] =
        old[row] === fresh[column]
          ? (lengths[(row + 1) * width + column + 1] ?? 0) + 1
          : Math.max(
              lengths[(row + 1) * width + column] ?? 0,
              lengths[row * width + column + 1] ?? 0,
            );
  return lengths;
}
