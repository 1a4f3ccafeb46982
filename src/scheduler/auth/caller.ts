// Who asks, and what they may do.
import { SCOPES, type Scope } from "./scopes.ts";

export type Caller = {
  /** Stands in timelines and in the audit. */
  readonly name: string;
  /** How they showed who they are; `open`: they did not have to. */
  readonly by: "open" | "token" | "key" | "certificate";
  readonly scopes: ReadonlySet<Scope>;
  /** They see and do only what belongs to it; absent: the whole installation. */
  readonly namespace?: string;
};

/** Everybody, where nobody has to say who they are. */
export const ANYBODY: Caller = { name: "api", by: "open", scopes: new Set(SCOPES) };

/** Whoever uses what is open to all. */
export const NOBODY: Caller = { name: "nobody", by: "open", scopes: new Set() };

const MAX_NAME = 200;

/** Names that can be shown to people and stored: printable, and short. */
export const isCallerName = (text: unknown): text is string =>
  typeof text === "string" && text.length <= MAX_NAME && /^[^\p{C}]+$/u.test(text);
