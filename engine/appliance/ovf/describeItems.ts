/**
 * From an OVF machine's items to a description's: controllers first, then what hangs on them by Parent and AddressOnParent. Resource types are those
 * of CIM_ResourceAllocationSettingData. A type that is not known fails unless the descriptor says that it may be left out.
 */
import type { ApplianceItem, ApplianceNote } from "../../api/applianceProtocol.ts";
import { applianceError } from "../applianceError.ts";
import { diskFormatOf } from "../diskFormatOf.ts";
import { type MachineFacts, newTarget, plainItem } from "../MachineFacts.ts";
import { bytesOf } from "./allocationUnits.ts";
import type { OvfDisk, OvfEnvelope, OvfFile, OvfItem } from "./OvfEnvelope.ts";

const type = {
  cpu: 3,
  memory: 4,
  ide: 5,
  scsi: 6,
  network: 10,
  otherNetwork: 11,
  floppy: 14,
  optical: 15,
  dvd: 16,
  disk: 17,
  otherStorage: 20,
  serial: 21,
  parallel: 22,
  usb: 23,
  graphics: 24,
  logicalDisk: 31,
  sound: 35,
} as const;

export type ItemFacts = Pick<MachineFacts, "cpus" | "memoryMiB" | "items" | "notes">;

/** `nameOfFile` gives the name of a described file among the appliance's. */
export function describeItems(
  envelope: OvfEnvelope,
  items: readonly OvfItem[],
  nameOfFile: (file: OvfFile) => string,
): ItemFacts {
  const facts: ItemFacts = { cpus: 1, memoryMiB: 0, items: [], notes: [] };
  const order = (item: OvfItem): number => (controllerTypes.has(item.resourceType) ? 0 : 1);
  for (const item of items.toSorted((a, b) => order(a) - order(b))) {
    if (item.resourceType === type.cpu) facts.cpus = amount(item, facts.notes, "processors") ?? facts.cpus;
    else if (item.resourceType === type.memory) facts.memoryMiB = memoryMiB(item, facts.notes);
    else facts.items.push(describeItem(envelope, item, facts.items, nameOfFile));
  }
  return facts;
}

const controllerTypes = new Set<number>([type.ide, type.scsi, type.otherStorage]);

function amount(item: OvfItem, notes: ApplianceNote[], what: string): number | undefined {
  const text = item.fields.get("virtualquantity") ?? "";
  if (/^\d{1,6}$/.test(text) && Number(text) > 0) return Number(text);
  notes.push({ code: "value-ignored", message: `The number of ${what} is not understood: ${text}` });
  return undefined;
}

function memoryMiB(item: OvfItem, notes: ApplianceNote[]): number {
  const text = item.fields.get("virtualquantity") ?? "";
  const bytes = bytesOf(text, item.fields.get("allocationunits") ?? "MegaBytes");
  if (bytes !== undefined && bytes > 0) return Math.max(1, Math.round(bytes / 2 ** 20));
  notes.push({ code: "value-ignored", message: `The amount of memory is not understood: ${text}` });
  return 0;
}

function describeItem(
  envelope: OvfEnvelope,
  item: OvfItem,
  before: readonly ApplianceItem[],
  nameOfFile: (file: OvfFile) => string,
): ApplianceItem {
  const { fields } = item;
  const label = fields.get("elementname") || fields.get("caption") || fields.get("description") || "";
  const given = fields.get("instanceid") ?? "";
  const id = given !== "" && !before.some((other) => other.id === given) ? given : `${given}#${before.length}`;
  const base = { ...plainItem(id, label) };
  const model = fields.get("resourcesubtype") ?? "";
  switch (item.resourceType) {
    case type.ide:
      return { kind: "controller", ...base, bus: "ide", model };
    case type.scsi:
      return { kind: "controller", ...base, bus: /virtio/i.test(model) ? "virtio" : "scsi", model };
    case type.otherStorage:
      return { kind: "controller", ...base, bus: busOfOther(model), model };
    case type.disk:
    case type.logicalDisk:
      return describeDisk(envelope, item, { ...base, ...placeOf(item, before) }, nameOfFile);
    case type.optical:
    case type.dvd:
      return describeRemovable("optical", envelope, item, { ...base, ...placeOf(item, before) }, nameOfFile);
    case type.floppy:
      return describeRemovable("floppy", envelope, item, { ...base, ...placeOf(item, before) }, nameOfFile);
    case type.network:
    case type.otherNetwork:
      return {
        kind: "network",
        ...base,
        model,
        network: fields.get("connection") ?? "",
        mac: macOf(fields.get("address") ?? ""),
      };
    case type.serial:
      return { kind: "serial", ...base };
    case type.sound:
      return { kind: "sound", ...base, model };
    case type.usb:
      return { kind: "usb", ...base, model };
    case type.parallel:
    case type.graphics:
      return { kind: "other", ...base, model };
    default:
      if (!item.required) return { kind: "other", ...base, model };
      throw applianceError(
        "unsupported",
        `The appliance needs hardware that is not known: “${label}” (type ${item.resourceType}).`,
        {
          label,
          resourceType: item.resourceType,
        },
      );
  }
}

function busOfOther(model: string): "sata" | "nvme" | "virtio" | "scsi" | "other" {
  if (/nvme/i.test(model)) return "nvme";
  if (/virtio/i.test(model)) return "virtio";
  if (/sas|scsi/i.test(model)) return "scsi";
  if (/usb/i.test(model)) return "other";
  return "sata";
}

type Base = ReturnType<typeof plainItem> & { controller: string | null; position: number | null };

function placeOf(
  item: OvfItem,
  before: readonly ApplianceItem[],
): { controller: string | null; position: number | null; notes: ApplianceNote[] } {
  const parent = item.fields.get("parent") ?? "";
  const address = item.fields.get("addressonparent") ?? "";
  const found = before.some((other) => other.kind === "controller" && other.id === parent);
  const notes: ApplianceNote[] =
    parent === "" || found
      ? []
      : [{ code: "parent-unknown", message: `The controller “${parent}” that it should hang on is not there.` }];
  return { controller: found ? parent : null, position: /^\d{1,4}$/.test(address) ? Number(address) : null, notes };
}

/** "ovf:/disk/x", "ovf://disk/x", "/disk/x" and the same with "file". */
function resourceOf(item: OvfItem): { what: "disk" | "file"; id: string } | undefined {
  const [, what, id] = /^(?:ovf:)?\/{1,2}(disk|file)\/(.+)$/.exec(item.fields.get("hostresource") ?? "") ?? [];
  return what === undefined ? undefined : { what: what as "disk" | "file", id: id! };
}

function brokenReference(label: string, resource: string): Error {
  return applianceError("broken-reference", `“${label}” refers to “${resource}”, which the descriptor does not have.`, {
    label,
    resource,
  });
}

function describeDisk(
  envelope: OvfEnvelope,
  item: OvfItem,
  base: Base,
  nameOfFile: (file: OvfFile) => string,
): ApplianceItem {
  const said = item.fields.get("hostresource") ?? "";
  const resource = resourceOf(item);
  const disk = resource?.what === "disk" ? envelope.disks.get(resource.id) : undefined;
  const file = resource?.what === "file" ? envelope.files.find(({ id }) => id === resource.id) : disk?.file;
  if (disk === undefined && file === undefined) throw brokenReference(base.label, said);
  const format = disk === undefined ? null : diskFormatOf(disk.format, file?.href ?? "");
  const notes = [...base.notes];
  if (format === null && file !== undefined) {
    notes.push({ code: "format-unknown", message: "The disk's format is not named; its content will tell." });
  }
  return {
    kind: "disk",
    ...base,
    notes,
    file: file === undefined ? null : nameOfFile(file),
    format: file === undefined ? null : format,
    capacityBytes: disk?.capacityBytes ?? 0,
    storedBytes: file?.sizeBytes ?? 0,
    interface: null,
    target: newTarget(),
  };
}

function describeRemovable(
  kind: "optical" | "floppy",
  envelope: OvfEnvelope,
  item: OvfItem,
  base: Base,
  nameOfFile: (file: OvfFile) => string,
): ApplianceItem {
  const said = item.fields.get("hostresource") ?? "";
  const resource = resourceOf(item);
  // A disc is a file of its own, or a "disk" whose format is ISO 9660.
  const disk: OvfDisk | undefined = resource?.what === "disk" ? envelope.disks.get(resource.id) : undefined;
  const file = resource?.what === "file" ? envelope.files.find(({ id }) => id === resource.id) : disk?.file;
  if (resource !== undefined && file === undefined) throw brokenReference(base.label, said);
  const notes = [...base.notes];
  if (resource === undefined && said !== "") {
    notes.push({
      code: "medium-outside",
      message: `What was in the drive is not part of the appliance: ${said.slice(0, 200)}`,
    });
  }
  const drive = { ...base, notes, file: file === undefined ? null : nameOfFile(file) };
  return kind === "optical" ? { kind, ...drive, interface: null } : { kind, ...drive };
}

/** Twelve hexadecimal digits, or null for what is no hardware address. */
export function macOf(text: string): string | null {
  const digits = text.replace(/[:-]/g, "").toUpperCase();
  return /^[0-9A-F]{12}$/.test(digits) ? digits : null;
}
