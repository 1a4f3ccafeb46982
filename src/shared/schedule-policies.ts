// What a schedule may do about overlaps and missed instants, apart from its schema, which takes long to load.

export const OVERLAPS = ["allow", "skip", "queue", "replace"] as const;
export const MISFIRES = ["skip", "once", "all"] as const;

export type Overlap = (typeof OVERLAPS)[number];
export type Misfire = (typeof MISFIRES)[number];
