// Rows as aligned columns without lines around them.
import Table from "cli-table3";

const NO_LINES = Object.fromEntries(
  [
    "top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right",
    "left left-mid mid mid-mid right right-mid",
  ].flatMap((places) => places.split(" ").map((place) => [place, ""])),
);

/** A header line and one line per row. Cells are shown as they are: make foreign text printable first. */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: [...head],
    chars: { ...NO_LINES, middle: "  " },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0, compact: true },
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}
