// What went wrong when two programs tried to trust each other, in words.

/** Why a TLS connection was not made; undefined for an error that has nothing to do with TLS. */
export function tlsProblem(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code = "", message } = cause as NodeJS.ErrnoException;
    const known = REASONS.find(([pattern]) => pattern.test(code) || pattern.test(message));
    if (known !== undefined) return known[1];
  }
  return undefined;
}

const REASONS: readonly [RegExp, string][] = [
  [/CERT_HAS_EXPIRED|certificate has expired/, "its certificate has expired"],
  [/CERT_NOT_YET_VALID/, "its certificate is not valid yet; see the clocks"],
  [
    /ERR_TLS_CERT_ALTNAME_INVALID/,
    "its certificate is for another name than the one it was reached by",
  ],
  [
    /SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT|signed by unknown authority/,
    "its certificate was not issued by a CA that is trusted here",
  ],
  [
    /certificate[ _]required|CERTIFICATE_REQUIRED|alert handshake failure/i,
    "it wants a client certificate, and got none",
  ],
  [
    /alert (?:bad certificate|unknown ca|certificate expired|certificate unknown)|ALERT_(?:BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_EXPIRED|CERTIFICATE_UNKNOWN)/i,
    "it does not accept our client certificate",
  ],
  [
    /wrong version number|WRONG_VERSION_NUMBER|EPROTO|packet length too long/,
    "only one of the two sides speaks TLS",
  ],
];
