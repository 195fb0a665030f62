/** What any reader finds out about one machine, before it is judged what becomes of it. */
import type { ApplianceItem, ApplianceMachine } from "../api/applianceProtocol.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
export type MachineFacts = Mutable<Omit<ApplianceMachine, "index" | "included">>;

/** An item's common part. Outcomes are decided later, for all readers in one place. */
export function plainItem(
  id: string,
  label: string,
): { id: string; label: string; outcome: "mapped"; notes: ApplianceMachine["notes"] } {
  return { id, label: label.slice(0, 1024), outcome: "mapped", notes: [] };
}

export function emptyMachine(id: string, name: string): MachineFacts {
  return {
    id,
    name,
    description: "",
    osType: "other",
    foreignOsType: "",
    cpus: 1,
    memoryMiB: 0,
    firmware: "bios",
    secureBoot: false,
    bootOrder: null,
    rtcUtc: null,
    cpuLevel: null,
    hardware: "",
    product: null,
    properties: [],
    licence: "",
    items: [],
    notes: [],
  };
}

/** Names are given when all items are known. */
export function newTarget(): Extract<ApplianceItem, { kind: "disk" }>["target"] {
  return { format: "qcow2", subformat: null, fileName: "" };
}
