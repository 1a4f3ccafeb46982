// The worker's small HTTP face for supervisors and Prometheus: /healthz, /readyz, /metrics.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

import type { Registry } from "prom-client";

import { MillraceError } from "../shared/errors.ts";
import { aborted, type Service } from "../shared/io/lifecycle.ts";

export type HealthAddress = { host: string; port: number };

/** `isReady`: connected and registered. Throws `invalid_config` when the address cannot be used. */
export function createHealth(deps: {
  address: HealthAddress;
  registry: Registry;
  isReady(): boolean;
}): Service {
  const { address, registry, isReady } = deps;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    switch (request.url ?? "") {
      case "/healthz":
        return reply(response, 200, "ok\n");
      case "/readyz":
        return isReady()
          ? reply(response, 200, "ready\n")
          : reply(response, 503, "not registered\n");
      case "/metrics":
        return reply(response, 200, await registry.metrics(), registry.contentType);
      default:
        return reply(response, 404, "There are /healthz, /readyz and /metrics here.\n");
    }
  }

  return {
    name: "health",
    async run(signal) {
      const server = createServer((request, response) => void answer(request, response));
      server.listen(address);
      try {
        await once(server, "listening");
      } catch (error) {
        throw new MillraceError(
          "invalid_config",
          `The metrics address ${address.host}:${address.port} cannot be used.`,
          { cause: error },
        );
      }
      await aborted(signal);
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function reply(response: ServerResponse, status: number, body: string, type = "text/plain"): void {
  response.writeHead(status, { "content-type": type }).end(body);
}
