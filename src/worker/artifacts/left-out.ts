// What of an attempt's files was not kept, and why: counted, and told in a sentence or two.

export type LeftOut = {
  add(path: string, why: string): void;
  /** There was nothing to keep. */
  nothingFits(patterns: readonly string[]): void;
  /** Undefined when everything was kept. */
  note(): string | undefined;
};

const SHOWN_CHARACTERS = 200;

export function createLeftOut(): LeftOut {
  const reasons = new Map<string, { count: number; first: string }>();
  const sentences: string[] = [];

  return {
    add(path, why) {
      const known = reasons.get(why);
      if (known === undefined) reasons.set(why, { count: 1, first: path });
      else known.count += 1;
    },
    nothingFits(patterns) {
      sentences.push(`Nothing fits ${patterns.join(", ").slice(0, SHOWN_CHARACTERS)}.`);
    },
    note() {
      const parts = Array.from(reasons, ([why, { count, first }]) => {
        const example = first.replace(/\p{Cc}/gu, "?").slice(0, SHOWN_CHARACTERS);
        return `${count} ${why} (${example}${count > 1 ? ", …" : ""})`;
      });
      const all = parts.length === 0 ? sentences : [...sentences, `Left out: ${parts.join("; ")}.`];
      return all.length === 0 ? undefined : all.join(" ");
    },
  };
}
