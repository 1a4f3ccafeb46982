// Modules of the built program: what is measured is what is shipped, not what a loader makes of the sources.
import { pathIn } from "./program.ts";

/** `name` as in `worker/assembly`; the type is that of the source. */
export const built = async <Module>(name: string): Promise<Module> =>
  (await import(pathIn(`../dist/${name}.js`))) as Module;
