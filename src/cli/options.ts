// Options that several commands share, and the parsers that turn their texts into values.
import { type Command, InvalidArgumentError, Option } from "commander";

import { parseDuration } from "../shared/durations.ts";
import type { CredentialFlags } from "../shared/io/credentials.ts";
import type { IdentityOptions } from "./identity.ts";

/** What every command that talks to a server takes. */
export type ServerOptions = IdentityOptions & { json?: true; url?: string };
/** What every command that talks to the broker takes. */
export type BrokerOptions = CredentialFlags & { json?: true; nats?: string; prefix?: string };

export const jsonOption = () => new Option("--json", "print JSON: one document, or one per line");

/** `<server>` is an address like http://127.0.0.1:7070. */
export const urlOption = () =>
  new Option("--url <server>", "server to talk to (MILLRACE_URL)").argParser(httpUrl);

/** What shows a server who asks, and which server to believe. */
const identityOptions = () => [
  new Option("--token <text>", "API key or token, or @file that holds it (MILLRACE_TOKEN)"),
  new Option("--ca <file>", "CA of an https server (MILLRACE_CA)"),
  new Option("--cert <file>", "own certificate for a server that asks for one (MILLRACE_CERT)"),
  new Option("--cert-key <file>", "its key (MILLRACE_CERT_KEY)"),
];

const brokerOptions = () => [
  new Option("--nats <url>", "broker to use, as nats://host:4222 (NATS_URL)"),
  new Option("--nats-ca <file>", "CA of a broker that speaks TLS (NATS_CA)"),
  new Option("--nats-cert <file>", "own certificate for it (NATS_CERT)"),
  new Option("--nats-key <file>", "the certificate's key (NATS_KEY)"),
  new Option("--nats-nkey <file>", "seed of the nkey that it knows us by (NATS_NKEY)"),
  new Option("--nats-creds <file>", "or credentials as nsc makes them (NATS_CREDS)"),
  new Option("--prefix <name>", "namespace on a shared broker (MILLRACE_PREFIX)"),
];

const withOptions = (command: Command, options: readonly Option[]): Command =>
  options.reduce((all, option) => all.addOption(option), command);

export const forServer = (command: Command): Command =>
  withOptions(command, [jsonOption(), urlOption(), ...identityOptions()]);

/** What is left of a command's options when those of `forServer` are taken away: secrets among them must go nowhere else. */
export function ownOptions<T extends ServerOptions>(options: T): Omit<T, keyof ServerOptions> {
  const {
    json: _json,
    url: _url,
    token: _token,
    ca: _ca,
    cert: _cert,
    certKey: _key,
    ...own
  } = options;
  return own;
}

export const forBroker = (command: Command): Command =>
  withOptions(command, [jsonOption(), ...brokerOptions()]);

/** For commands that talk to both. */
export const forBoth = (command: Command): Command =>
  withOptions(forServer(command), brokerOptions());

/** A whole number from `min` to `max`. */
export function integer(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    const bounds = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    throw new InvalidArgumentError(`Give a whole number ${bounds}.`);
  };
}

/** A duration text, checked but kept in the caller's words. */
export function duration(text: string): string {
  if (parseDuration(text) === undefined)
    throw new InvalidArgumentError('Write a duration as "500ms", "30s" or "1h30m".');
  return text;
}

/** One of several values of an option that may be given again. */
export const several = (text: string, before: readonly string[] = []): string[] => [
  ...before,
  text,
];

/** `key=value` pairs, given one by one. */
export function pair(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("Write key=value.");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** As `pair`, for whole numbers. */
export function count(
  text: string,
  before: Readonly<Record<string, number>> = {},
): Record<string, number> {
  const at = text.indexOf("=");
  if (at < 1 || !/^\d{1,15}$/.test(text.slice(at + 1)))
    throw new InvalidArgumentError("Write name=number.");
  return { ...before, [text.slice(0, at)]: Number(text.slice(at + 1)) };
}

/** As `pair`; a name alone takes its value from `env`. */
export function variable(env: Readonly<Record<string, string | undefined>>) {
  return (text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> => {
    if (text.includes("=")) return pair(text, before);
    const value = env[text];
    if (value === undefined)
      throw new InvalidArgumentError(`Write NAME=value; ${text} is not set here.`);
    return { ...before, [text]: value };
  };
}

export function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InvalidArgumentError(`This is not JSON: ${(error as Error).message}.`);
  }
}

export type Preference = string | { match: string; weight: number };

/** `os=linux`, or with a weight in front: `50:zone=a`. */
export function preferences(text: string, before: readonly Preference[] = []): Preference[] {
  const [, weight, match] = /^([+-]?\d+):(.+)$/.exec(text) ?? [];
  const one = match === undefined ? text : { match, weight: Number(weight) };
  return [...before, one];
}

function httpUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new InvalidArgumentError("Write an address as http://127.0.0.1:7070.");
}
