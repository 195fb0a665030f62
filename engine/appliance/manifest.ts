/**
 * The manifest of an OVF package (DSP0243, 6): a line with a digest for each file, `SHA256(disk.vmdk)= 0f...`, over the bytes as they are stored. The
 * certificate file beside it holds the manifest's signature in a line of the same shape and the signer's certificate after it. Digests and
 * signatures are computed by what the host gives.
 */
import type { ByteStore } from "../contracts/BlockDevice.ts";
import { applianceError } from "./applianceError.ts";
import { memberName } from "./memberName.ts";

export type DigestAlgorithm = "sha1" | "sha256" | "sha384" | "sha512";

/** A digest that is being computed. */
export interface Digest {
  update(bytes: Uint8Array): void;
  hex(): string;
}
export type CreateDigest = (algorithm: DigestAlgorithm) => Digest;

export interface ManifestLine {
  readonly algorithm: DigestAlgorithm;
  readonly name: string;
  readonly hex: string;
}

const LINES_MAX = 65_536;
const PIECE_BYTES = 1024 * 1024;
const hexLengths: Readonly<Record<DigestAlgorithm, number>> = { sha1: 40, sha256: 64, sha384: 96, sha512: 128 };
const linePattern = /^\s*([A-Za-z0-9-]+)\s*\((.+)\)\s*=\s*([0-9A-Fa-f]+)\s*$/;

/** Throws "appliance-manifest". */
export function parseManifest(text: string): ManifestLine[] {
  const lines = text.split(/\r\n|\r|\n/).filter((line) => line.trim() !== "");
  if (lines.length > LINES_MAX) throw applianceError("too-large", "The manifest has far too many lines.");
  return lines.map(parseLine);
}

function parseLine(line: string): ManifestLine {
  const [, word, name, hex] = linePattern.exec(line) ?? [];
  const algorithm = word?.toLowerCase().replace("-", "") as DigestAlgorithm | undefined;
  if (algorithm === undefined || !Object.hasOwn(hexLengths, algorithm) || hexLengths[algorithm] !== hex!.length) {
    throw applianceError("manifest", `The manifest has a line that makes no sense: ${line.slice(0, 120)}`, {
      line: line.slice(0, 120),
    });
  }
  return { algorithm, name: memberName(name!.trim()), hex: hex!.toLowerCase() };
}

export function writeManifest(lines: readonly ManifestLine[]): string {
  return lines.map(({ algorithm, name, hex }) => `${algorithm.toUpperCase()}(${name})= ${hex}\n`).join("");
}

export interface CertificateFile {
  readonly algorithm: DigestAlgorithm;
  /** The file that is signed. */
  readonly name: string;
  readonly signatureHex: string;
  /** The first certificate, in PEM. */
  readonly pem: string;
}

/** Undefined for what is no certificate file. */
export function parseCertificateFile(text: string): CertificateFile | undefined {
  const pem = /-----BEGIN CERTIFICATE-----[\s\S]{1,65536}?-----END CERTIFICATE-----/.exec(text)?.[0];
  const first = text.split(/\r\n|\r|\n/, 1)[0] ?? "";
  const [, word, name, hex] = linePattern.exec(first) ?? [];
  const algorithm = word?.toLowerCase().replace("-", "") as DigestAlgorithm | undefined;
  if (pem === undefined || algorithm === undefined || !Object.hasOwn(hexLengths, algorithm)) return undefined;
  return { algorithm, name: name!, signatureHex: hex!, pem };
}

/** The digest of all of a store, in pieces. `onBytes` counts; throwing from it ends the work. */
export async function digestOf(
  store: ByteStore,
  digest: Digest,
  onBytes: (count: number) => void = () => {},
): Promise<string> {
  const sizeBytes = await store.size();
  const piece = new Uint8Array(Math.min(PIECE_BYTES, Math.max(1, sizeBytes)));
  for (let at = 0; at < sizeBytes; ) {
    const count = await store.read(at, piece);
    if (count === 0) throw applianceError("truncated", "A file of the appliance ends too early.", { at, sizeBytes });
    digest.update(piece.subarray(0, count));
    at += count;
    onBytes(count);
  }
  return digest.hex();
}
