/**
 * The kinds of errors of appliances, each a GuesthouseError with a sentence for people:
 * "appliance-not-recognized" (neither a tar archive nor a descriptor), "appliance-truncated" (ends too early), "appliance-no-descriptor",
 * "appliance-xml", "appliance-too-large" (a descriptor or a list beyond all sense), "appliance-unsafe-name" (a name that leads out of the
 * appliance, or a link), "appliance-duplicate-name", "appliance-broken-reference" (the descriptor names what it does not have),
 * "appliance-file-missing", "appliance-file-size", "appliance-manifest", "appliance-checksum", "appliance-signature",
 * "appliance-unsupported" (recognized and not offered), "appliance-empty" (no machine to import), "licence-not-accepted", "invalid-edit".
 */
import { GuesthouseError } from "../base/GuesthouseError.ts";

type Context = Readonly<Record<string, string | number | boolean>>;

export function applianceError(kind: string, message: string, context: Context = {}, cause?: unknown): GuesthouseError {
  return new GuesthouseError(
    kind.startsWith("licence") || kind === "invalid-edit" ? kind : `appliance-${kind}`,
    message,
    context,
    {
      cause,
    },
  );
}
