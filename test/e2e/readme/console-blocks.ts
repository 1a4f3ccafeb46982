// Reads the console blocks of a Markdown text: commands, and what they are said to print.

export type Step = {
  /** Line of the text, counted from 1. */
  line: number;
  command: string;
  /** Lines of output; "…" stands for any number of them. */
  expected: string[];
};

export const ANY_LINES = "…";

/** The steps of every block fenced as `console`: `$ ` begins a command, `> ` right below continues it, the rest is output. */
export function consoleBlocks(markdown: string): Step[][] {
  const blocks: Step[][] = [];
  let block: Step[] | undefined;
  for (const [index, text] of markdown.split("\n").entries()) {
    if (text === "```console") blocks.push((block = []));
    else if (text.startsWith("```")) block = undefined;
    else if (block) addLine(block, text, index + 1);
  }
  return blocks;
}

function addLine(block: Step[], text: string, line: number): void {
  const step = block.at(-1);
  if (text.startsWith("$ ")) block.push({ line, command: text.slice(2), expected: [] });
  else if (step === undefined) throw new Error(`line ${line}: output without a command: ${text}`);
  else if (text.startsWith("> ") && step.expected.length === 0)
    step.command += `\n${text.slice(2)}`;
  else step.expected.push(text);
}

/** What differs from run to run and from machine to machine, with the word that stands for it. */
const CHANGING: readonly (readonly [RegExp, string])[] = [
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, "TIME"],
  [/"at":\d{13}\b/g, '"at":TIME'],
  // only an attempt that lasts is recorded as running
  [/\{"at":"TIME","what":"started"[^}]*\},/g, ""],
  [/"(cursor|next|requestId)":"[^"]*"/g, '"$1":"…"'],
  [/\b[0-9a-z]{20}\b/g, "ID"],
  [/\b[\w-]+-[0-9a-z]{8}\b/g, "WORKER"],
  [/\b(?:localhost|127\.0\.0\.1):\d+/g, "HOST:PORT"],
  [/\b\d+(?:\.\d+)? (?:KiB|MiB|GiB)/g, "SIZE"],
  [/\b(?:\d+(?:\.\d+)? ?(?:ms|s|m|h|d))+\b/g, "DURATION"],
  // the width of a column follows from what is in it
  [/ {2,}/g, "  "],
];

export function normalise(lines: readonly string[]): string[] {
  return lines.map((line) =>
    CHANGING.reduce((text, [pattern, word]) => text.replace(pattern, word), line).trimEnd(),
  );
}

/** The expected lines, with the actual ones in place of every "…" as far as that can make them equal. */
export function fillIn(expected: readonly string[], actual: readonly string[]): string[] {
  const gap = expected.indexOf(ANY_LINES);
  if (gap === -1) return [...expected];
  const after = expected.slice(gap + 1);
  for (let end = gap; end <= actual.length; end += 1) {
    const left = actual.slice(end);
    const rest = fillIn(after, left);
    if (rest.join("\n") === left.join("\n"))
      return [...expected.slice(0, gap), ...actual.slice(gap, end), ...rest];
  }
  return [...expected];
}
