// What callers can be allowed to do, and the roles that bundle it.

export const SCOPES = [
  "jobs:read",
  "jobs:submit",
  "jobs:cancel",
  "jobs:admin",
  "workers:read",
  "workers:admin",
  "queues:read",
  "queues:admin",
  "definitions:read",
  "definitions:write",
  "schedules:read",
  "schedules:write",
  "webhooks:read",
  "webhooks:write",
  "files:read",
  "files:write",
  "reservations:write",
  "metrics:read",
  "audit:read",
  "keys:admin",
] as const;

export type Scope = (typeof SCOPES)[number];

const READ: readonly Scope[] = SCOPES.filter(
  (scope) => scope.endsWith(":read") && scope !== "audit:read",
);
const SUBMIT: readonly Scope[] = [
  ...READ,
  "jobs:submit",
  "jobs:cancel",
  "files:write",
  "reservations:write",
];
const OPERATE: readonly Scope[] = [
  ...SUBMIT,
  "jobs:admin",
  "queues:admin",
  "workers:admin",
  "definitions:write",
  "schedules:write",
  "webhooks:write",
];

/** Each holds what the one before it holds. */
export const ROLES = {
  viewer: READ,
  submitter: SUBMIT,
  operator: OPERATE,
  admin: SCOPES,
} as const satisfies Record<string, readonly Scope[]>;

export type Role = keyof typeof ROLES;
export const ROLE_NAMES = Object.keys(ROLES) as Role[];

const isScope = (text: string): text is Scope => (SCOPES as readonly string[]).includes(text);
const isRole = (text: string): text is Role => Object.hasOwn(ROLES, text);

/** All that these roles and scopes allow. Names that Millrace does not know allow nothing. */
export function scopesOf(roles: readonly string[], scopes: readonly string[]): Set<Scope> {
  return new Set([
    ...roles.flatMap((role) => (isRole(role) ? ROLES[role] : [])),
    ...scopes.filter(isScope),
  ]);
}
