/**
 * Errors in the user's words: what the kind means and what to do, in the language of the interface, with the host's own
 * sentence and facts folded under it. Kinds without a sentence of ours show the host's.
 */
import type { TFunction } from "i18next";
import { GuesthouseError } from "../../engine/base/GuesthouseError.ts";

const knownKinds = [
  "connection-closed",
  "illegal-state",
  "no-such-machine",
  "name-taken",
  "file-missing",
  "in-use",
  "disk-full",
  "tray-locked",
  "file-exists",
  "file-forbidden",
  "not-available",
  "corrupt-image",
  "unsupported-image",
  "unknown-format",
  "backing-missing",
  "backing-mismatch",
  "attached",
  "has-children",
  "memory-not-kept",
  "passphrase-needed",
  "passphrase-wrong",
  "not-hot-pluggable",
  "guest-without-hot-plug",
  "guest-keeps-disk",
  "too-many-drives",
  "state-damaged",
  "state-other-machine",
  "encrypted-disk",
  "state-version",
  "snapshots-damaged",
] as const;

/** Kinds that mean the same to whoever reads it; the details tell them apart. */
const sameAs: Readonly<Record<string, (typeof knownKinds)[number]>> = {
  "not-a-state": "state-damaged",
  "state-format": "state-damaged",
  "state-invalid": "state-damaged",
  "state-section-missing": "state-damaged",
  "state-section-unknown": "state-damaged",
  "state-trailing": "state-damaged",
  "state-truncated": "state-damaged",
};

export interface ErrorDescription {
  sentence: string;
  details: string;
}

export function describeError(error: unknown, t: TFunction): ErrorDescription {
  if (!(error instanceof GuesthouseError)) {
    const message = error instanceof Error ? error.message : String(error);
    return { sentence: message, details: error instanceof Error ? (error.stack ?? message) : message };
  }
  const known = sameAs[error.kind] ?? knownKinds.find((kind) => kind === error.kind);
  const facts = Object.entries(error.context).map(([name, value]) => `${name}: ${value}`);
  return {
    sentence:
      known === undefined
        ? error.message
        : t(`errors.kind.${known}`, { path: String(error.context.child ?? error.context.path ?? "") }),
    details: [`${error.kind}: ${error.message}`, ...facts].join("\n"),
  };
}
