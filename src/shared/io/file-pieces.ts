// Reads a file piece by piece, a few ahead, and checks what is read whole against its digest before its last bytes go out.
import { createHash } from "node:crypto";

import { digestIn, piecesIn, type Digest } from "../file.ts";

export type PiecesQuery = {
  digest: Digest;
  size: number;
  pieceBytes: number;
  from: number;
  to: number;
  piece(index: number): Promise<Uint8Array>;
  damaged(digest: Digest, why: string): Error;
};

const AHEAD = 4;

export async function* readPieces(query: PiecesQuery): AsyncGenerator<Uint8Array> {
  const { digest, size, pieceBytes, piece, damaged } = query;
  const from = Math.max(0, query.from);
  const to = Math.min(size, query.to);
  const whole = from === 0 && to === size;
  const hash = createHash("sha256");
  for await (const { index, bytes } of ahead(piece, ...span(query, from, to))) {
    const start = index * pieceBytes;
    if (bytes.length !== Math.min(pieceBytes, size - start))
      throw damaged(digest, `piece ${index} has ${bytes.length} bytes`);
    if (whole) hash.update(bytes);
    const last = whole && start + bytes.length === size;
    if (last && digestIn(hash) !== digest) throw damaged(digest, "its content has another digest");
    yield bytes.subarray(Math.max(0, from - start), to - start);
  }
}

/** The first piece that is needed, and the one after the last. */
function span(query: PiecesQuery, from: number, to: number): [first: number, end: number] {
  if (from >= to) return [0, 0];
  const first = Math.floor(from / query.pieceBytes);
  return [first, piecesIn({ size: to, pieceBytes: query.pieceBytes })];
}

async function* ahead(
  piece: (index: number) => Promise<Uint8Array>,
  first: number,
  end: number,
): AsyncGenerator<{ index: number; bytes: Uint8Array }> {
  const coming: Promise<Uint8Array>[] = [];
  for (let index = first; index < end; index += 1) {
    while (coming.length < AHEAD && index + coming.length < end) {
      const next = piece(index + coming.length);
      // it fails where it is awaited; before that, or when nobody reads on, that is nobody's surprise
      next.catch(() => {});
      coming.push(next);
    }
    const bytes = await coming.shift()!;
    yield { index, bytes };
  }
}
