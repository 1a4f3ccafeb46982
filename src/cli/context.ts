// What every command is given: where it runs, where it writes, and how it reaches a server.
import { type Api, createApi } from "../client/api.ts";
import { readCredentials, type BrokerCredentials } from "../shared/io/credentials.ts";
import type { CliConfig } from "./config.ts";
import { readIdentity } from "./identity.ts";
import type { BrokerOptions, ServerOptions } from "./options.ts";
import { serverUrl } from "./server-address.ts";
import type { Terminal } from "./terminal.ts";

/** What a command does; the number is its exit code, 0 when there is none. */
export type Run<A extends unknown[]> = (...args: A) => Promise<number | void>;

export type Context = {
  readonly config: CliConfig;
  readonly terminal: Terminal;
  /** The server that the options, the environment or a running `dev` name. */
  api(options: ServerOptions): Api;
  /** What the options or the environment name to show the broker. */
  credentials(options: BrokerOptions): BrokerCredentials | undefined;
  /** Makes the action of a command, whose exit code becomes the program's. */
  act<A extends unknown[]>(run: Run<A>): (...args: A) => Promise<void>;
};

export function createContext(
  config: CliConfig,
  terminal: Terminal,
  exitWith: (code: number) => void,
): Context {
  return {
    config,
    terminal,
    api: (options) => createApi(serverUrl(options.url, config), readIdentity(options, config.env)),
    credentials: (options) =>
      readCredentials(
        (flag, variable, otherwise) => flag ?? (config.env[variable] || otherwise),
        options,
      ),
    act:
      (run) =>
      async (...args) =>
        exitWith((await run(...args)) ?? 0),
  };
}
