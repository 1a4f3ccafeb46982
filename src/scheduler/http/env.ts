// What travels with a request through the app.
import type { HttpBindings } from "@hono/node-server";

import type { Caller } from "../auth/caller.ts";

export type HttpEnv = {
  Bindings: Partial<HttpBindings>;
  Variables: {
    requestId: string;
    /** Who asks; known before any route runs. */
    caller: Caller;
    /** Added to the problem if the request fails. */
    problemMembers?: Record<string, unknown>;
  };
};
