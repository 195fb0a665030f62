/** Whether an appliance's manifest was signed by the certificate that comes with it. Nobody vouches for the certificate itself here. */
import { verify, X509Certificate } from "node:crypto";
import type { CertificateFile } from "../appliance/manifest.ts";

export function checkSignature(
  { algorithm, signatureHex, pem }: CertificateFile,
  signed: Uint8Array,
): { valid: boolean; signer: string } {
  try {
    const certificate = new X509Certificate(pem);
    const signer = certificate.subject.replaceAll("\n", ", ").slice(0, 500);
    const valid = verify(algorithm, signed, certificate.publicKey, Buffer.from(signatureHex, "hex"));
    return { valid, signer };
  } catch {
    // A certificate that cannot be read vouches for nothing.
    return { valid: false, signer: "" };
  }
}
