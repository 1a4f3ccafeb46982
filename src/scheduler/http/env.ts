// What travels with a request through the app.
export type HttpEnv = {
  Variables: {
    requestId: string;
    /** Added to the problem if the request fails. */
    problemMembers?: Record<string, unknown>;
  };
};
