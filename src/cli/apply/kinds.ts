// The kinds of things that a file can configure.

/** In the order in which they build on each other. */
export const KINDS = ["Calendar", "Queue", "Definition", "Schedule"] as const;
export type Kind = (typeof KINDS)[number];
