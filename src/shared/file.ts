// What a stored file is known by, and how it lies in the store: cut into pieces, with a record that makes them a file.
import { z } from "zod";

import { isDigest, type Digest } from "./digest.ts";
import { decodeStored } from "./stored.ts";

export { digestIn, digestOf, digitsOf, isDigest, type Digest } from "./digest.ts";

export const digestSchema = z.custom<Digest>(isDigest);

export type FileRecord = {
  v: 1;
  /** Bytes. */
  size: number;
  /** Bytes of each piece but the last. */
  pieceBytes: number;
  /** Which upload's pieces these are. */
  upload: string;
  /** Epoch ms of when it was last asked to be stored: a file that is wanted again begins a new life. */
  storedAt: number;
};

export const piecesIn = ({ size, pieceBytes }: Pick<FileRecord, "size" | "pieceBytes">): number =>
  Math.ceil(size / pieceBytes);

const record: z.ZodType<FileRecord> = z.object({
  v: z.literal(1),
  size: z.int().min(0),
  pieceBytes: z.int().min(1_024),
  // becomes part of a subject
  upload: z.string().regex(/^[0-9a-z]{1,32}$/),
  storedAt: z.number(),
});

/** The record in a text; undefined when it is none. */
export const decodeFile = (text: string): FileRecord | undefined => decodeStored(text, record);
