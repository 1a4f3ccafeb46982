// Where Millrace keeps its files on this machine, read from the environment (XDG base directories).
import { homedir } from "node:os";
import { join } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/** Directory of the embedded broker's streams; what is in it survives restarts. */
export function defaultDataDir(env: Environment = process.env): string {
  return join(env["XDG_STATE_HOME"] || join(home(env), ".local", "state"), "millrace");
}

/** Directory of downloads that can be fetched again at any time. */
export function defaultCacheDir(env: Environment = process.env): string {
  return join(env["XDG_CACHE_HOME"] || join(home(env), ".cache"), "millrace");
}

function home(env: Environment): string {
  return env["HOME"] || homedir();
}
