// The states of a group, apart from its schema, which takes long to load.

/** queued: waits for its turn behind other runs · then running until no job is live or to come. */
export const GROUP_STATES = ["queued", "running", "succeeded", "failed", "cancelled"] as const;
export type GroupState = (typeof GROUP_STATES)[number];
export const isOverGroup = (state: GroupState): boolean =>
  state !== "queued" && state !== "running";
