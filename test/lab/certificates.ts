// Certificates of a test's own making.
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Names of files. */
export type Issued = { cert: string; key: string };

export type Authority = {
  /** Name of the file of its own certificate. */
  readonly ca: string;
  /** `names` as openssl has them: `DNS:localhost,IP:127.0.0.1`. */
  issue(name: string, options?: { names?: string; days?: number }): Promise<Issued>;
};

export async function createAuthority(dir: string, name: string): Promise<Authority> {
  const [ca, caKey] = [join(dir, `${name}.ca.pem`), join(dir, `${name}.ca.key`)];
  const subject = ["-subj", `/CN=${name}`];
  await run("openssl", ["req", "-x509", ...NEW_KEY, "-keyout", caKey, "-out", ca, ...subject]);
  return {
    ca,
    async issue(holder, { names = "DNS:localhost,IP:127.0.0.1", days = 1 } = {}) {
      const path = (kind: string) => join(dir, `${name}.${holder}.${kind}`);
      const [cert, key, request, extension] = ["pem", "key", "csr", "ext"].map(path);
      await writeFile(extension!, `subjectAltName=${names}\n`);
      const asked = ["-keyout", key!, "-out", request!, "-subj", `/CN=${holder}`];
      await run("openssl", ["req", ...NEW_KEY, ...asked]);
      const signed = ["-in", request!, "-CA", ca, "-CAkey", caKey, "-extfile", extension!];
      await run("openssl", ["x509", "-req", ...signed, "-days", String(days), "-out", cert!]);
      return { cert: cert!, key: key! };
    },
  };
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
