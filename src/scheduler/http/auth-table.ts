// What each route asks of its caller. A route that is not listed here is refused to everybody who is not in open mode.
import type { Scope } from "../auth/scopes.ts";

export type Access = {
  /** Absent: anybody, also without saying who they are. */
  readonly scope?: Scope;
  /** Callers of a namespace may use it: what it shows and does is confined to theirs. */
  readonly inNamespace: boolean;
  /** Changes are told in the audit, except where the thing itself records who made them. */
  readonly audited: boolean;
};

const anybody: Access = { inNamespace: true, audited: false };
/** Concerns the installation as a whole. */
const whole = (scope: Scope): Access => ({ scope, inNamespace: false, audited: true });
/** Shows and does only what belongs to the caller's namespace. */
const confined = (scope: Scope): Access => ({ scope, inNamespace: true, audited: true });
/** As `confined`; the record names its submitter, and there are too many to tell them twice. */
const submit: Access = { scope: "jobs:submit", inNamespace: true, audited: false };

export const ACCESS: Readonly<Record<string, Access>> = {
  "GET /healthz": anybody,
  "GET /readyz": anybody,
  "GET /metrics": whole("metrics:read"),
  "GET /v1/openapi.json": anybody,
  "GET /docs": anybody,
  "GET /docs/start.js": anybody,
  "GET /docs/swagger-ui.css": anybody,
  "GET /docs/swagger-ui-bundle.js": anybody,
  "GET /docs/favicon-32x32.png": anybody,

  "POST /v1/jobs": submit,
  "POST /v1/jobs/batch": submit,
  "GET /v1/jobs": confined("jobs:read"),
  "GET /v1/jobs/:id": confined("jobs:read"),
  "DELETE /v1/jobs/:id": confined("jobs:admin"),
  "POST /v1/jobs/:id/cancel": confined("jobs:cancel"),
  "POST /v1/jobs/:id/retry": confined("jobs:submit"),
  "GET /v1/jobs/:id/events": confined("jobs:read"),
  "GET /v1/jobs/:id/logs": confined("jobs:read"),
  "GET /v1/jobs/:id/why": confined("jobs:read"),
  "GET /v1/jobs/:id/artifacts": confined("jobs:read"),
  "GET /v1/jobs/:id/artifacts/:path{.+}": confined("jobs:read"),
  "GET /v1/jobs/:id/values/:part": confined("jobs:read"),
  "GET /v1/dead-letters": confined("jobs:read"),
  "POST /v1/dead-letters/retry": confined("jobs:submit"),
  "GET /v1/events": confined("jobs:read"),

  "POST /v1/groups": submit,
  "GET /v1/groups": confined("jobs:read"),
  "GET /v1/groups/:id": confined("jobs:read"),
  "GET /v1/groups/:id/jobs": confined("jobs:read"),
  "POST /v1/groups/:id/cancel": confined("jobs:cancel"),
  "POST /v1/groups/:id/retry": confined("jobs:submit"),
  "DELETE /v1/groups/:id": confined("jobs:admin"),

  "GET /v1/definitions": confined("definitions:read"),
  "GET /v1/definitions/:name": confined("definitions:read"),
  "PUT /v1/definitions/:name": confined("definitions:write"),
  "DELETE /v1/definitions/:name": confined("definitions:write"),
  "POST /v1/definitions/:name/runs": confined("jobs:submit"),
  "GET /v1/definitions/:name/runs": confined("jobs:read"),
  "DELETE /v1/definitions/:name/runs": confined("jobs:admin"),

  "GET /v1/bundles": confined("files:read"),
  "GET /v1/bundles/:name": confined("files:read"),
  "PUT /v1/bundles/:name": confined("files:write"),
  "DELETE /v1/bundles/:name": confined("files:write"),
  "GET /v1/bundles/:name/versions/:version": confined("files:read"),
  "DELETE /v1/bundles/:name/versions/:version": confined("files:write"),

  "GET /v1/workers": whole("workers:read"),
  "GET /v1/workers/:id": whole("workers:read"),
  "POST /v1/workers/:id/cordon": whole("workers:admin"),
  "POST /v1/workers/:id/uncordon": whole("workers:admin"),
  "POST /v1/workers/:id/drain": whole("workers:admin"),
  "POST /v1/workers/:id/release": whole("workers:admin"),
  "GET /v1/queues": whole("queues:read"),
  "PUT /v1/queues/:name": whole("queues:admin"),
  "POST /v1/queues/:name/purge": whole("queues:admin"),
  "GET /v1/stats": whole("workers:read"),
  "GET /v1/reservations": confined("reservations:write"),
  "POST /v1/reservations": confined("reservations:write"),
  "GET /v1/reservations/:id": confined("reservations:write"),
  "POST /v1/reservations/:id/renew": confined("reservations:write"),
  "DELETE /v1/reservations/:id": confined("reservations:write"),

  "GET /v1/webhooks": confined("webhooks:read"),
  "GET /v1/webhooks/:name": confined("webhooks:read"),
  "PUT /v1/webhooks/:name": confined("webhooks:write"),
  "DELETE /v1/webhooks/:name": confined("webhooks:write"),
  "GET /v1/webhooks/:name/dead-letters": confined("webhooks:read"),
  "POST /v1/webhooks/:name/dead-letters/redeliver": confined("webhooks:write"),

  "GET /v1/schedules": confined("schedules:read"),
  "PUT /v1/schedules/:name": confined("schedules:write"),
  "GET /v1/schedules/:name": confined("schedules:read"),
  "DELETE /v1/schedules/:name": confined("schedules:write"),
  "GET /v1/schedules/:name/next": confined("schedules:read"),
  "GET /v1/schedules/:name/events": confined("schedules:read"),
  "POST /v1/schedules/:name/pause": confined("schedules:write"),
  "POST /v1/schedules/:name/resume": confined("schedules:write"),
  "POST /v1/schedules/:name/trigger": confined("schedules:write"),
  "POST /v1/schedules/:name/backfill": confined("schedules:write"),
  "GET /v1/schedules-paused": confined("schedules:read"),
  "PUT /v1/schedules-paused": confined("schedules:write"),
  "GET /v1/calendars": confined("schedules:read"),
  "PUT /v1/calendars/:name": confined("schedules:write"),
  "GET /v1/calendars/:name": confined("schedules:read"),
  "DELETE /v1/calendars/:name": confined("schedules:write"),

  "POST /v1/api-keys": confined("keys:admin"),
  "GET /v1/api-keys": confined("keys:admin"),
  "DELETE /v1/api-keys/:id": confined("keys:admin"),
  "POST /v1/enrolments": whole("workers:admin"),
  "GET /v1/enrolments": whole("workers:admin"),
  "DELETE /v1/enrolments/:name": whole("workers:admin"),
  "GET /v1/audit": whole("audit:read"),
};
