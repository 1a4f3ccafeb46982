// Finds the routes of a request, and those of a path without parameters only once.
import type { Result, Router } from "hono/router";
import { TrieRouter } from "hono/router/trie-router";

/** The routers that compare everything at once do not take names and parameters in the same place, as in `/v1/jobs/batch` and `/v1/jobs/:id/cancel`. */
export function createRouter<T>(): Router<T> {
  const trie = new TrieRouter<T>();
  const plain = new Set<string>();
  const found = new Map<string, Result<T>>();

  function matchPlain(method: string, path: string): Result<T> {
    const key = `${method} ${path}`;
    const known = found.get(key);
    if (known !== undefined) return known;
    const result = trie.match(method, path);
    // nobody can fill the memory with methods of their own
    if (result[0].length > 0 && METHODS.has(method)) found.set(key, result);
    return result;
  }

  return {
    name: "router",
    add(method, path, handler) {
      trie.add(method, path, handler);
      found.clear();
      if (!PARAMETER.test(path)) plain.add(path);
    },
    match: (method, path) =>
      plain.has(path) ? matchPlain(method, path) : trie.match(method, path),
  };
}

const PARAMETER = /[:*]/;
const METHODS = new Set(["GET", "POST", "PUT", "PATCH", "DELETE"]);
