// Workers that may come in: invited by a token that is good once, known by their key from then on.
import { createHash, timingSafeEqual } from "node:crypto";
import { customAlphabet } from "nanoid";
import { z } from "zod";

import { hasCode, MillraceError } from "../../shared/errors.ts";
import type { Admit } from "../../shared/io/admission.ts";
import type { Clock } from "../../shared/io/clock.ts";
import type { ConfigStore } from "../../shared/io/config-store.ts";
import { ID_ALPHABET, isWorkerId, workerName } from "../../shared/names.ts";
import { workerPermissions } from "../../shared/permissions.ts";
import { decodeStored } from "../../shared/stored.ts";
import type { Subjects } from "../../shared/subjects.ts";

/** The kind of its entries in the configuration; they are named by the worker. */
export const ENROLMENT_KIND = "enrolment";

const stored = z.object({
  v: z.literal(1),
  createdAt: z.number(),
  createdBy: z.string(),
  /** SHA-256 of the token that invites it, and until when that is good; gone once it was used. */
  join: z.exactOptional(z.object({ hash: z.string(), expiresAt: z.number() })),
  /** Public part of the key that it joined with. */
  key: z.exactOptional(z.string()),
  joinedAt: z.exactOptional(z.number()),
});

export type Enrolment = z.infer<typeof stored>;

export const decodeEnrolment = (text: string): Enrolment | undefined => decodeStored(text, stored);

const newSecret = customAlphabet(ID_ALPHABET, 40);
const digest = (token: string): Buffer => createHash("sha256").update(token).digest();

export function mintInvitation(): { token: string; hash: string } {
  const token = `mrj_${newSecret()}`;
  return { token, hash: digest(token).toString("hex") };
}

export const newEnrolment = (
  hash: string,
  times: { createdAt: number; expiresAt: number },
  createdBy: string,
): Enrolment => ({
  v: 1,
  createdAt: times.createdAt,
  createdBy,
  join: { hash, expiresAt: times.expiresAt },
});

/** Two of one name may knock at once: the one that loses is told by the second look. */
const LOOKS = 2;

/** Lets workers in under the name that they are enrolled with, each confined to its own id. */
export function createAdmit(deps: {
  store: ConfigStore<Enrolment>;
  subjects: Subjects;
  clock: Pick<Clock, "now">;
}): Admit {
  const { store, subjects, clock } = deps;

  async function requireKnown(name: string, key: string, token: string | undefined): Promise<void> {
    for (let look = 1; ; look += 1) {
      const found = await store.read(name);
      if (found === undefined) throw refused(`no worker ${name} is enrolled`);
      if (found.value.key === key) return;
      const joined = join(found.value, key, token, clock.now());
      try {
        await store.put(name, joined, found.revision);
        return;
      } catch (error) {
        if (!hasCode(error, "lost_race") || look === LOOKS) throw error;
      }
    }
  }

  return async ({ identity, key, token }) => {
    if (!isWorkerId(identity)) throw refused(`${identity} is no worker`);
    await requireKnown(workerName(identity), key, token);
    return workerPermissions(subjects, identity);
  };
}

/** The enrolment with the key in it, if the token is the one that it was invited by. */
function join(
  { join: invitation, ...rest }: Enrolment,
  key: string,
  token: string | undefined,
  now: number,
): Enrolment {
  if (invitation === undefined) throw refused("it is enrolled with another key");
  if (token === undefined || !timingSafeEqual(digest(token), Buffer.from(invitation.hash, "hex")))
    throw refused("it did not show the token that it was invited by");
  if (invitation.expiresAt <= now) throw refused("its invitation has expired");
  return { ...rest, key, joinedAt: now };
}

const refused = (why: string) => new MillraceError("invalid_token", `Not admitted: ${why}.`);
