/** From an OVF machine to the facts of a description: names, system, firmware and items, with what VirtualBox and Guesthouse add of their own. */
import type { ApplianceNote } from "../../api/applianceProtocol.ts";
import { osTypes } from "../../api/osTypes.ts";
import { applyVirtualBoxMachine, type VirtualBoxDisks } from "../foreign/virtualBoxMachine.ts";
import { emptyMachine, type MachineFacts } from "../MachineFacts.ts";
import { foreignOsNames, osTypeOfCim, osTypeOfForeignName, vmwareGuestId } from "../osTypeMapping.ts";
import type { XmlTree } from "../xml/XmlTree.ts";
import { describeItems } from "./describeItems.ts";
import type { OvfEnvelope, OvfFile, OvfSystem } from "./OvfEnvelope.ts";

export function describeSystem(
  envelope: OvfEnvelope,
  system: OvfSystem,
  nameOfFile: (file: OvfFile) => string,
): MachineFacts {
  const name = system.name || system.id || "Imported machine";
  const facts: MachineFacts = {
    ...emptyMachine(system.id, name),
    description: system.annotation,
    hardware: system.hardware,
    product: system.product,
    properties: [...system.properties],
    licence: system.licence,
    firmware: system.vmwareConfig.get("firmware")?.toLowerCase() === "efi" ? "efi" : "bios",
    secureBoot: /^true$/i.test(
      system.vmwareConfig.get("bootOptions.efiSecureBootEnabled") ??
        system.vmwareConfig.get("efiSecureBootEnabled") ??
        "",
    ),
    ...describeItems(envelope, system.items, nameOfFile),
  };
  facts.notes = [...system.notes, ...facts.notes, ...setOsType(facts, system)];
  if (system.virtualBoxMachine !== undefined) {
    facts.notes.push(...applyVirtualBoxMachine(facts, system.virtualBoxMachine, virtualBoxDisks(envelope)));
  }
  if (system.guesthouse !== undefined) applyGuesthouse(facts, system.guesthouse);
  return facts;
}

/** The most exact word first. */
function setOsType(facts: MachineFacts, system: OvfSystem): ApplianceNote[] {
  const words = [system.virtualBoxOs, system.vmwareOs, system.osDescription].filter((word) => word !== "");
  facts.foreignOsType = words[0] ?? (system.cimOs > 0 ? String(system.cimOs) : "");
  const byWord = words.map(osTypeOfForeignName).find((id) => id !== undefined);
  const found = byWord ?? osTypeOfCim(system.cimOs);
  facts.osType = found ?? "other";
  const plain = found === undefined && facts.foreignOsType !== "";
  return plain
    ? [{ code: "os-type-unknown", message: `The system “${facts.foreignOsType}” is not in the catalogue.` }]
    : [];
}

function virtualBoxDisks(envelope: OvfEnvelope): VirtualBoxDisks {
  return { has: (uuid) => [...envelope.disks.values()].some((disk) => disk.uuid === uuid) };
}

/** What OVF has no words for. Every value is checked: the file may come from anybody. */
function applyGuesthouse(facts: MachineFacts, machine: XmlTree): void {
  const osType = machine.attribute("osType");
  // The description was perhaps edited since: our own word holds as long as it means the same elsewhere.
  if (osType !== undefined && osTypes.some(({ id }) => id === osType)) {
    const { virtualBox, vmware } = foreignOsNames(osType);
    if ([virtualBox, vmwareGuestId(vmware)].includes(facts.foreignOsType)) facts.osType = osType;
  }
  const utc = machine.attribute("rtcUtc");
  if (utc === "true" || utc === "false") facts.rtcUtc = utc === "true";
  const order = (machine.attribute("bootOrder") ?? "").split(" ").filter(isBootSource);
  if (order.length > 0) facts.bootOrder = [...new Set(order)];
  const level = machine.attribute("cpuLevel");
  if (level === "v1" || level === "v2" || level === "v3" || level === "host") facts.cpuLevel = level;
}

function isBootSource(word: string): word is "cdrom" | "floppy" | "disk" {
  return word === "cdrom" || word === "floppy" || word === "disk";
}
