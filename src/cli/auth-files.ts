// What `millrace auth init` writes: a broker's configuration that lets everybody do no more than their part, and the keys for it.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { ACCOUNT } from "../shared/io/admission.ts";
import { newAccountKey, newUserKey, writeSeed } from "../shared/io/nkeys.ts";
import {
  schedulerPermissions,
  viewerPermissions,
  type Permissions,
} from "../shared/permissions.ts";
import { createSubjects } from "../shared/subjects.ts";

export type AuthFiles = { config: string; scheduler: string; viewer: string; enrol: string };

/** Throws when one of the keys is there already: whoever uses it would be locked out. */
export async function writeAuthFiles(dir: string, prefix: string | undefined): Promise<AuthFiles> {
  const subjects = createSubjects(prefix);
  const [scheduler, viewer, enrol] = [newUserKey(), newUserKey(), newAccountKey()];
  const files: AuthFiles = {
    config: join(dir, "nats.conf"),
    scheduler: join(dir, "scheduler.nk"),
    viewer: join(dir, "viewer.nk"),
    enrol: join(dir, "enrol.nk"),
  };
  writeSeed(files.scheduler, scheduler);
  writeSeed(files.viewer, viewer);
  writeSeed(files.enrol, enrol);
  const text = configOf({
    scheduler: userOf(scheduler.getPublicKey(), schedulerPermissions(subjects)),
    viewer: userOf(viewer.getPublicKey(), viewerPermissions(subjects)),
    known: [scheduler.getPublicKey(), viewer.getPublicKey()],
    issuer: enrol.getPublicKey(),
  });
  await writeFile(files.config, text);
  return files;
}

type Parts = { scheduler: string; viewer: string; known: string[]; issuer: string };

const configOf = ({ scheduler, viewer, known, issuer }: Parts): string => `\
# A broker that lets everybody do no more than their part; written by \`millrace auth init\`.
#
#   nats-server --config nats.conf --store_dir /var/lib/nats
#
# Schedulers and viewers are known by their keys. Workers are let in by the schedulers, one by one: see \`millrace enrol\`.

port: 4222
# only this machine may look at it
http: "127.0.0.1:8222"
max_payload: 8MB
ping_interval: "10s"
ping_max: 2
jetstream {}

# tls {
#   cert_file: "/etc/nats/server.pem"
#   key_file: "/etc/nats/server.key"
#   # with these two, clients must show a certificate as well
#   # ca_file: "/etc/nats/clients-ca.pem"
#   # verify: true
# }

accounts {
  ${ACCOUNT} {
    jetstream: enabled
    users: [
      # schedulers
      ${scheduler}
      # whoever only looks: inbox prefix _INBOX_<prefix>.viewer
      ${viewer}
    ]
    imports: [{ service: { account: SYS, subject: "$SYS.REQ.SERVER.*.KICK" } }]
  }
  SYS {
    users: []
    # so that a worker that is revoked can be put out
    exports: [{ service: "$SYS.REQ.SERVER.*.KICK", accounts: [${ACCOUNT}] }]
  }
}
system_account: SYS

authorization {
  auth_callout {
    account: ${ACCOUNT}
    issuer: ${issuer}
    # these are known here; about all others the schedulers are asked
    auth_users: ${JSON.stringify(known)}
  }
}
`;

function userOf(nkey: string, { publish, subscribe, responds }: Permissions): string {
  const permissions = {
    publish: { allow: publish },
    subscribe: { allow: subscribe },
    ...(responds ? { allow_responses: { max: 1, expires: "1m" } } : {}),
  };
  return JSON.stringify({ nkey, permissions });
}
