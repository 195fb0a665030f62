/**
 * One `VirtualSystem` of an OVF descriptor: its texts and its hardware as a list of items. Of several hardware sections, which are alternatives, the
 * first of a family that we know is taken. Items belong to deployment configurations; one of the chosen configuration stands in for a
 * general one with the same id. Items that bound a range (`ovf:bound` min and max) are left out.
 */
import type { ApplianceNote, ApplianceProduct } from "../../api/applianceProtocol.ts";
import { applianceError } from "../applianceError.ts";
import type { XmlTree } from "../xml/XmlTree.ts";
import {
  GUESTHOUSE_NAMESPACE,
  type OvfItem,
  type OvfSystem,
  VIRTUALBOX_NAMESPACE,
  VMWARE_NAMESPACE,
} from "./OvfEnvelope.ts";
import { sectionKind, sectionOf, sectionsOf } from "./sections.ts";

const ITEMS_MAX = 1024;
const TEXT_MAX = 65_536;
const known = new Set([
  "Info",
  "Name",
  "OperatingSystemSection",
  "VirtualHardwareSection",
  "AnnotationSection",
  "ProductSection",
  "EulaSection",
  "StartupSection",
  "InstallSection",
  "ResourceAllocationSection",
  "EnvironmentFilesSection",
  "BootDeviceSection",
  "ScaleOutSection",
  "PlacementSection",
  "Machine",
]);

export function readSystem(system: XmlTree, configuration: string | null): OvfSystem {
  const os = sectionOf(system, "OperatingSystemSection");
  const hardware = chooseHardware(sectionsOf(system, "VirtualHardwareSection"));
  const product = sectionOf(system, "ProductSection");
  return {
    id: system.attribute("id") ?? "",
    name: system.textOf("Name"),
    annotation: sectionOf(system, "AnnotationSection")?.textOf("Annotation").slice(0, TEXT_MAX) ?? "",
    cimOs: Number(/^\d{1,4}$/.exec(os?.attribute("id") ?? "")?.[0] ?? 0),
    osDescription: os?.textOf("Description") ?? "",
    virtualBoxOs:
      os?.children.find(({ name, namespace }) => name === "OSType" && namespace === VIRTUALBOX_NAMESPACE)?.text ?? "",
    vmwareOs: os?.attributeIn(VMWARE_NAMESPACE, "osType") ?? "",
    hardware: hardware?.child("System")?.textOf("VirtualSystemType") ?? "",
    items: hardware === undefined ? [] : readItems(hardware, configuration),
    vmwareConfig: readVmwareConfig(hardware),
    guesthouse: system.children.find(({ name, namespace }) => name === "Machine" && namespace === GUESTHOUSE_NAMESPACE),
    virtualBoxMachine: system.children.find(
      ({ name, namespace }) => name === "Machine" && namespace === VIRTUALBOX_NAMESPACE,
    ),
    product: product === undefined ? null : readProduct(product),
    properties: readProperties(system),
    licence: sectionsOf(system, "EulaSection")
      .map((section) => section.textOf("License"))
      .join("\n\n")
      .slice(0, TEXT_MAX),
    notes: unknownSections(system),
  };
}

function unknownSections(system: XmlTree): ApplianceNote[] {
  const unknown = system.children.map(sectionKind).filter((kind) => !known.has(kind));
  return unknown.map((kind) => ({
    code: "section-ignored",
    message: `The section “${kind}” is not understood and left out.`,
  }));
}

function chooseHardware(sections: readonly XmlTree[]): XmlTree | undefined {
  const family = (section: XmlTree): string => section.child("System")?.textOf("VirtualSystemType") ?? "";
  return sections.find((section) => /^(virtualbox|vmx)-/i.test(family(section))) ?? sections[0];
}

function readItems(hardware: XmlTree, configuration: string | null): OvfItem[] {
  const chosen = new Map<string, OvfItem>();
  const elements = hardware.children.filter(({ name }) => ["Item", "StorageItem", "EthernetPortItem"].includes(name));
  for (const [index, element] of elements.entries()) {
    const configurations = (element.attribute("configuration") ?? "").split(/\s+/).filter((word) => word !== "");
    if (configurations.length > 0 && (configuration === null || !configurations.includes(configuration))) continue;
    if (["min", "max"].includes(element.attribute("bound") ?? "")) continue;
    const item = readItem(element);
    const id = item.fields.get("instanceid") ?? `#${index}`;
    // Only what belongs to the configuration stands in for another of its id; some writers give all items the same id.
    chosen.set(configurations.length > 0 || !chosen.has(id) ? id : `${id}#${index}`, item);
  }
  if (chosen.size > ITEMS_MAX)
    throw applianceError("too-large", "A machine of the appliance has far too much hardware.");
  return [...chosen.values()];
}

function readItem(element: XmlTree): OvfItem {
  const fields = new Map<string, string>();
  for (const { name, text } of element.children) {
    const key = name.toLowerCase();
    if (!fields.has(key) && name !== "Config") fields.set(key, text.slice(0, TEXT_MAX));
  }
  const type = fields.get("resourcetype") ?? "";
  return {
    resourceType: /^\d{1,5}$/.test(type) ? Number(type) : 0,
    fields,
    required: element.attribute("required") !== "false",
  };
}

function readVmwareConfig(hardware: XmlTree | undefined): Map<string, string> {
  const configs = (hardware?.childrenNamed("Config") ?? []).filter(({ namespace }) => namespace === VMWARE_NAMESPACE);
  return new Map(configs.map((config) => [config.attribute("key") ?? "", config.attribute("value") ?? ""]));
}

function readProduct(section: XmlTree): ApplianceProduct {
  return {
    name: section.textOf("Product"),
    vendor: section.textOf("Vendor"),
    version: section.textOf("Version"),
    fullVersion: section.textOf("FullVersion"),
    productUrl: section.textOf("ProductUrl"),
    vendorUrl: section.textOf("VendorUrl"),
    appUrl: section.textOf("AppUrl"),
  };
}

function readProperties(system: XmlTree): { key: string; label: string; value: string }[] {
  const properties = sectionsOf(system, "ProductSection").flatMap((section) => section.childrenNamed("Property"));
  return properties.slice(0, ITEMS_MAX).map((property) => ({
    key: property.attribute("key") ?? "",
    label: property.textOf("Label"),
    value: property.attribute("value") ?? "",
  }));
}
