import { expect, it } from "vitest";

import { renderTable } from "../../../src/cli/table.ts";

it("aligns columns, without lines, colours or blanks at the end", () => {
  expect(
    renderTable(
      ["ID", "STATE"],
      [
        ["a", "queued"],
        ["longer", "x"],
      ],
    ),
  ).toBe(["ID      STATE", "a       queued", "longer  x"].join("\n"));
});

it("shows only the header when there is nothing", () => {
  expect(renderTable(["ID", "STATE"], [])).toBe("ID  STATE");
});

it("does not count colours as width", () => {
  const [, row] = renderTable(["A", "B"], [["\u001b[32mok\u001b[39m", "x"]]).split("\n");
  expect(row).toBe("\u001b[32mok\u001b[39m  x");
});
