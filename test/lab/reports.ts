// What the labs of a test file can say of themselves when a test fails.

export const reports: (() => string)[] = [];
