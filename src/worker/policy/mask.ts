// Takes secrets out of output before it leaves the host, also where one is cut in two by the borders of what was read. Pure.

export type Mask = {
  /** The bytes that may go on; what could be the beginning of a secret waits for more. */
  pass(bytes: Uint8Array): Uint8Array;
  /** What still waits, once nothing more comes. */
  rest(): Uint8Array;
};

/** From the first byte to behind the last. */
type Span = { from: number; to: number };

const STARS = Buffer.from("***");
const NOTHING = Buffer.alloc(0);
const MIN_LINE = 6;

/** One mask per channel. A secret of several lines is masked line by line too, since programs print lines. */
export function createMask(secrets: readonly string[]): Mask {
  const needles = [...new Set(secrets.flatMap(partsOf))].map((text) => Buffer.from(text));
  let waiting: Buffer = Buffer.alloc(0);
  /** How far into what waits the stars reach that were let through last; below zero, other bytes were. */
  let covered = -1;

  /** What is a secret; secrets that overlap or touch are one span, and the first continues the stars let through last. */
  function spansIn(text: Buffer): Span[] {
    const found = needles
      .flatMap((needle) => occurrences(text, needle))
      .toSorted((a, b) => a.from - b.from);
    const spans: Span[] = covered < 0 ? [] : [{ from: 0, to: covered }];
    for (const span of found) {
      const last = spans.at(-1);
      if (last === undefined || span.from > last.to) spans.push({ ...span });
      else last.to = Math.max(last.to, span.to);
    }
    return spans;
  }

  /** Lets the text through up to `end`, with stars for the secrets that begin before it; the rest waits. */
  function letThrough(text: Buffer, end: number): Uint8Array {
    const pieces: Buffer[] = [];
    let from = 0;
    let starred = covered >= 0;
    for (const [index, span] of spansIn(text).entries()) {
      const continues = index === 0 && covered >= 0;
      if (!continues && span.from >= end) break;
      pieces.push(text.subarray(from, span.from), continues ? NOTHING : STARS);
      from = span.to;
      starred = true;
    }
    pieces.push(text.subarray(from, Math.max(from, end)));
    covered = starred && from >= end ? from - end : -1;
    waiting = Buffer.from(text.subarray(end));
    return Buffer.concat(pieces);
  }

  return {
    pass(bytes) {
      const fresh = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const text = waiting.length > 0 ? Buffer.concat([waiting, fresh]) : fresh;
      const held = Math.max(0, ...needles.map((needle) => overlap(text, needle)));
      return letThrough(text, text.length - held);
    },
    rest() {
      return letThrough(waiting, waiting.length);
    },
  };
}

function partsOf(secret: string): string[] {
  const lines = secret.split(/\r?\n/).filter((line) => line.length >= MIN_LINE);
  return [secret, ...lines];
}

function occurrences(text: Buffer, needle: Buffer): Span[] {
  const spans: Span[] = [];
  for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + 1))
    spans.push({ from: at, to: at + needle.length });
  return spans;
}

/** Length of the longest end of the text that is a beginning of the needle. */
function overlap(text: Buffer, needle: Buffer): number {
  for (let length = Math.min(needle.length - 1, text.length); length > 0; length -= 1)
    if (text.subarray(text.length - length).equals(needle.subarray(0, length))) return length;
  return 0;
}
