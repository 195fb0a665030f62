/**
 * Reads an OVF descriptor: DSP0243 1.x and 2.x, and what writers made before there was a standard ("0.9": sections with an `xsi:type`). References
 * inside of the descriptor must hold ("appliance-broken-reference"); unknown sections are noted. Message catalogues (`ovf:msgid`), and what OVF says
 * about placing and starting machines, are deliberately absent.
 */
import type { ApplianceNote } from "../../api/applianceProtocol.ts";
import { applianceError } from "../applianceError.ts";
import type { XmlTree } from "../xml/XmlTree.ts";
import { bytesOf } from "./allocationUnits.ts";
import {
  type OvfDisk,
  type OvfEnvelope,
  type OvfFile,
  type OvfVersion,
  ovfNamespaces,
  VIRTUALBOX_NAMESPACE,
} from "./OvfEnvelope.ts";
import { readSystem } from "./readSystem.ts";
import { sectionKind, sectionOf } from "./sections.ts";

const LIST_MAX = 4096;
const SYSTEMS_MAX = 256;
const known = new Set([
  "References",
  "DiskSection",
  "SharedDiskSection",
  "NetworkSection",
  "DeploymentOptionSection",
  "VirtualSystem",
  "VirtualSystemCollection",
  "Strings",
  "PlacementGroupSection",
]);

/** `configuration` is one of the descriptor's deployment options; null takes its default. */
export function readEnvelope(root: XmlTree, configuration: string | null): OvfEnvelope {
  if (root.name !== "Envelope") {
    throw applianceError("not-recognized", `The descriptor holds “${root.name}”, not an OVF envelope.`, {
      root: root.name,
    });
  }
  const version: OvfVersion = ovfNamespaces.get(root.namespace) ?? "0.9";
  const notes: ApplianceNote[] = [];
  for (const section of root.children) {
    const kind = sectionKind(section);
    if (kind === "EncryptionSection") throw applianceError("unsupported", "The appliance is encrypted.");
    if (!known.has(kind))
      notes.push({ code: "section-ignored", message: `The section “${kind}” is not understood and left out.` });
  }
  const files = readFiles(root.child("References"));
  const disks = readDisks(root, files, notes);
  const configurations = readConfigurations(root, configuration);
  const chosen = configurations.find((option) => option.chosen)?.id ?? null;
  const systems = systemsIn(root, 0).map((system) => readSystem(system, chosen));
  if (systems.length > SYSTEMS_MAX) throw applianceError("too-large", "The appliance has far too many machines.");
  return { version, files, disks, networks: readNetworks(root), configurations, systems, notes };
}

/** Of collections too, in their order. */
function systemsIn(parent: XmlTree, depth: number): XmlTree[] {
  return parent.children.flatMap((child) => {
    const kind = sectionKind(child);
    if (kind === "VirtualSystem") return [child];
    return kind === "VirtualSystemCollection" && depth < 16 ? systemsIn(child, depth + 1) : [];
  });
}

function readFiles(references: XmlTree | undefined): OvfFile[] {
  const files = (references?.childrenNamed("File") ?? []).map((file): OvfFile => {
    const size = file.attribute("size") ?? "";
    const compression = (file.attribute("compression") ?? "").toLowerCase();
    if (compression !== "" && compression !== "gzip" && compression !== "identity") {
      throw applianceError("unsupported", `A file of the appliance is compressed with ${compression}.`, {
        compression,
      });
    }
    return {
      id: file.attribute("id") ?? "",
      href: file.attribute("href") ?? "",
      sizeBytes: /^\d{1,15}$/.test(size) ? Number(size) : undefined,
      gzip: compression === "gzip",
    };
  });
  if (files.length > LIST_MAX) throw applianceError("too-large", "The descriptor names far too many files.");
  return files;
}

function readDisks(root: XmlTree, files: readonly OvfFile[], notes: ApplianceNote[]): Map<string, OvfDisk> {
  const disks = new Map<string, OvfDisk>();
  const sections = [sectionOf(root, "DiskSection"), sectionOf(root, "SharedDiskSection")];
  const elements = sections.flatMap((section) => section?.children ?? []);
  for (const element of elements.filter(({ name }) => name === "Disk" || name === "SharedDisk")) {
    const disk = readDisk(element, files, notes);
    if (disks.has(disk.id))
      throw applianceError("broken-reference", `The disk “${disk.id}” is described twice.`, { disk: disk.id });
    disks.set(disk.id, disk);
  }
  if (disks.size > LIST_MAX) throw applianceError("too-large", "The descriptor names far too many disks.");
  return disks;
}

function readDisk(element: XmlTree, files: readonly OvfFile[], notes: ApplianceNote[]): OvfDisk {
  const id = element.attribute("diskId") ?? "";
  const reference = element.attribute("fileRef") ?? "";
  const file = files.find((candidate) => candidate.id === reference);
  if (reference !== "" && file === undefined) {
    throw applianceError("broken-reference", `The disk “${id}” lies in a file “${reference}” that is not described.`, {
      disk: id,
      file: reference,
    });
  }
  if (element.attribute("parentRef") !== undefined) {
    throw applianceError("unsupported", `The disk “${id}” holds only the differences to another.`, { disk: id });
  }
  const capacity = element.attribute("capacity") ?? "";
  const capacityBytes = bytesOf(capacity, element.attribute("capacityAllocationUnits") ?? "byte");
  if (capacityBytes === undefined) {
    notes.push({ code: "value-ignored", message: `The size of the disk “${id}” is not understood: ${capacity}` });
  }
  return {
    id,
    file,
    capacityBytes: capacityBytes ?? 0,
    format: element.attribute("format") ?? "",
    uuid: element.attributeIn(VIRTUALBOX_NAMESPACE, "uuid")?.toLowerCase().replace(/[{}]/g, ""),
  };
}

function readNetworks(root: XmlTree): { name: string; description: string }[] {
  const networks = sectionOf(root, "NetworkSection")?.childrenNamed("Network") ?? [];
  return networks.slice(0, LIST_MAX).map((network) => ({
    name: network.attribute("name") ?? "",
    description: network.textOf("Description"),
  }));
}

function readConfigurations(root: XmlTree, wanted: string | null): OvfEnvelope["configurations"] {
  const options = (sectionOf(root, "DeploymentOptionSection")?.childrenNamed("Configuration") ?? []).slice(0, LIST_MAX);
  const standard = options.find((option) => option.attribute("default") === "true") ?? options[0];
  const chosen = wanted ?? standard?.attribute("id");
  if (wanted !== null && !options.some((option) => option.attribute("id") === wanted)) {
    throw applianceError("invalid-edit", `The appliance has no configuration “${wanted}”.`, { configuration: wanted });
  }
  return options.map((option) => ({
    id: option.attribute("id") ?? "",
    label: option.textOf("Label"),
    description: option.textOf("Description"),
    chosen: option.attribute("id") === chosen,
  }));
}
