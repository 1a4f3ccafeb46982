// Attacks by who asks: forged, worn out and borrowed proofs, and proofs that are good for something else.
import type { AttackLab, Claims, Message, Signing } from "./attack-lab.ts";
import type { Attack } from "./attack.ts";

const SUBMIT: Message = { body: '{"command":["true"]}' };
const S = Math.floor(Date.now() / 1_000);

const bearing = (
  name: string,
  proof: (lab: AttackLab) => string | Promise<string>,
  refusedAs: string,
  message: Message = SUBMIT,
): Attack => ({
  name,
  attack: async (lab) =>
    lab.send({ ...message, headers: { ...message.headers, Authorization: await proof(lab) } }),
  refusedAs,
});

const token = (name: string, claims: Claims, refusedAs: string, signing?: Signing): Attack =>
  bearing(name, async (lab) => `Bearer ${await lab.token(claims, signing)}`, refusedAs);

/** The head and claims of a token with another head, and a signature of one's own, if any. */
const unsigned = async (lab: AttackLab): Promise<string> => {
  const [, claims] = (await lab.token()).split(".");
  const head = Buffer.from('{"alg":"none"}').toString("base64url");
  return `Bearer ${head}.${claims}.`;
};

const path = (method: string, to: (lab: AttackLab) => string, as: "clerk" | "tenant") => ({
  attack: (lab: AttackLab) =>
    lab.send({ method, path: to(lab), headers: { Authorization: `Bearer ${lab[as]}` } }),
});

export const CALLERS: Attack[] = [
  bearing("nothing", () => "", "401 unauthenticated"),
  bearing("rubbish", () => "Bearer x y", "401 invalid_token"),
  bearing("another scheme", () => "Basic cm9vdDpyb290", "401 invalid_token"),
  bearing("a key that nobody made", () => `Bearer mrk_${"a".repeat(52)}`, "401 invalid_token"),
  bearing("a changed key", ({ admin }) => `Bearer ${admin.slice(0, -2)}00`, "401 invalid_token"),
  bearing("a revoked key", ({ revoked }) => `Bearer ${revoked}`, "401 invalid_token"),
  bearing("alg: none", unsigned, "401 invalid_token"),
  {
    name: "the public key as a secret",
    attack: async (lab) =>
      lab.send({
        ...SUBMIT,
        headers: {
          Authorization: `Bearer ${await lab.token({}, { alg: "HS256", key: lab.publicKey })}`,
        },
      }),
    refusedAs: "401 invalid_token",
  },
  token("another issuer", { iss: "https://evil.example" }, "401 invalid_token"),
  token("another audience", { aud: "others" }, "401 invalid_token"),
  token("an old token", { exp: S - 3_600 }, "401 token_expired"),
  token("a token of tomorrow", { nbf: S + 3_600 }, "401 invalid_token"),
  token("no end", { exp: undefined }, "401 invalid_token"),
  token("an unknown key", {}, "401 invalid_token", { kid: "two" }),
  token("no right to submit", { roles: ["viewer"] }, "403 insufficient_scope"),
  {
    name: "a key in the address",
    attack: (lab) => lab.send({ method: "GET", path: `/v1/jobs?token=${lab.admin}` }),
    refusedAs: "400 invalid_query",
  },
  {
    name: "a clerk who makes keys",
    attack: (lab) => lab.send({ path: "/v1/api-keys", body: '{"name":"me","roles":["admin"]}' }),
    refusedAs: "403 insufficient_scope",
  },
  {
    name: "a clerk who invites workers",
    attack: (lab) => lab.send({ path: "/v1/enrolments", body: '{"name":"mine"}' }),
    refusedAs: "403 insufficient_scope",
  },
  {
    name: "a clerk who drains",
    ...path("POST", ({ worker }) => `/v1/workers/${worker}/drain`, "clerk"),
    refusedAs: "403 insufficient_scope",
  },
  {
    name: "a clerk who releases",
    ...path("POST", () => "/v1/workers/build-1/release", "clerk"),
    refusedAs: "403 insufficient_scope",
  },
  {
    name: "a clerk who removes",
    ...path("DELETE", ({ job }) => `/v1/jobs/${job}`, "clerk"),
    refusedAs: "403 insufficient_scope",
  },
  {
    name: "a tenant who reads others' jobs",
    ...path("GET", ({ job }) => `/v1/jobs/${job}`, "tenant"),
    refusedAs: "404 job_not_found",
  },
  {
    name: "a tenant who reads others' output",
    ...path("GET", ({ job }) => `/v1/jobs/${job}/logs`, "tenant"),
    refusedAs: "404 job_not_found",
  },
  {
    name: "a tenant who tries again",
    ...path("POST", ({ job }) => `/v1/jobs/${job}/retry`, "tenant"),
    refusedAs: "404 job_not_found",
  },
  {
    name: "a tenant who looks at workers",
    ...path("GET", () => "/v1/workers", "tenant"),
    refusedAs: "403 insufficient_scope",
  },
  {
    name: "a tenant in another's name",
    attack: (lab) =>
      lab.send({
        method: "GET",
        path: "/v1/jobs",
        headers: { Authorization: `Bearer ${lab.tenant}`, "Millrace-Namespace": "other" },
      }),
    refusedAs: "403 insufficient_scope",
  },
];
