/** Whether a new disk's file is encrypted: not at all, as the disk it is a copy of, or with a passphrase that is typed here. */
import type { DiskFormatName } from "../../../engine/api/mediumProtocol.ts";

export type EncryptionWay = "none" | "keep" | "new";

export interface Encryption {
  way: EncryptionWay;
  passphrase: string;
  /** Typed a second time, because nobody sees what is typed. */
  again: string;
}

export const notEncrypted: Encryption = { way: "none", passphrase: "", again: "" };

/** Of the formats, QCOW2 alone keeps what it holds from readers. */
export function canBeEncrypted(format: DiskFormatName): boolean {
  return format === "qcow2";
}

/** What stands in the way of a new disk. */
export function encryptionProblem(value: Encryption): "passphrase-missing" | "passphrases-differ" | undefined {
  if (value.way !== "new") return undefined;
  if (value.passphrase === "") return "passphrase-missing";
  return value.passphrase === value.again ? undefined : "passphrases-differ";
}

/** For commands that make a disk. */
export function newPassphrase(format: DiskFormatName, value: Encryption): { passphrase?: string } {
  return canBeEncrypted(format) && value.way === "new" ? { passphrase: value.passphrase } : {};
}

/** For a copy: absent keeps the passphrase of the source, null leaves the copy readable for everybody. */
export function targetPassphrase(
  format: DiskFormatName,
  value: Encryption,
  sourceEncrypted: boolean,
): { targetPassphrase?: string | null } {
  const way = canBeEncrypted(format) ? value.way : "none";
  if (way === "new") return { targetPassphrase: value.passphrase };
  return way === "none" && sourceEncrypted ? { targetPassphrase: null } : {};
}
