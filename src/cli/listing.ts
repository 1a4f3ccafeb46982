// What every verb prints that lists things: a line of JSON for each, or a table for people.
import type { Terminal } from "./terminal.ts";

/** How things of one kind stand in a table. */
export type Listing<Item> = {
  columns: readonly string[];
  /** The cells of one; `now` tells ages, in epoch ms. */
  row(item: Item, now: number): string[];
};

export async function printList<Item>(
  terminal: Terminal,
  json: boolean | undefined,
  items: Iterable<Item> | AsyncIterable<Item>,
  { columns, row }: Listing<Item>,
): Promise<void> {
  if (json) {
    for await (const item of items) await terminal.printJson(item);
    return;
  }
  const { renderTable } = await import("./table.ts");
  const now = Date.now();
  const rows: string[][] = [];
  for await (const item of items) rows.push(row(item, now));
  await terminal.print(renderTable(columns, rows));
}
