import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { MachineDescription, StateHeader } from "./stateFileLayout.ts";

/** SHA-256 of a description, the same in whatever order its names come. */
export function describedDigest(machine: MachineDescription): string {
  const names = Object.keys(machine).sort();
  return bytesToHex(sha256(new TextEncoder().encode(JSON.stringify(names.map((name) => [name, machine[name]])))));
}

/** Throws "state-other-machine", which names what differs, unless the state is of such a machine. */
export function checkDescription(header: StateHeader, machine: MachineDescription): void {
  if (header.digest === describedDigest(machine)) return;
  const names = [...new Set([...Object.keys(header.machine), ...Object.keys(machine)])].sort();
  const different = names.filter((name) => header.machine[name] !== machine[name]);
  const list = different.map((name) => `${name} (saved: ${say(header.machine[name])}, now: ${say(machine[name])})`);
  throw new GuesthouseError(
    "state-other-machine",
    `The saved state is of a machine with other settings: ${list.join(", ") || "its digest differs"}.`,
    { different: different.join(" ") },
  );
}

const say = (value: string | number | boolean | undefined): string => (value === undefined ? "none" : String(value));
