/**
 * Writes an OVF descriptor (DSP0243 1.1 and 2.1) of one or several machines, in the way that VirtualBox' and VMware's importers take: hardware of a family that
 * they know, disks as compressed VMDK streams. What OVF has no words for goes to an element of our own that other readers may leave out.
 */
import { foreignOsNames, vmwareGuestId } from "../osTypeMapping.ts";
import { GUESTHOUSE_NAMESPACE, VIRTUALBOX_NAMESPACE, VMWARE_NAMESPACE } from "../ovf/OvfEnvelope.ts";
import { textElement, writeXml, type XmlOutput } from "../xml/writeXml.ts";
import type { ExportDisk, ExportFile, ExportMachine, OvfOptions } from "./ExportMachine.ts";
import { HardwareItems } from "./hardwareItems.ts";

const SCHEMA = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2";
const STREAM_FORMAT = "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized";

export function writeOvf(machines: readonly ExportMachine[], options: OvfOptions): string {
  const files = machines.flatMap(filesOf);
  const disks = machines.flatMap((machine) => machine.disks);
  const idOf = (href: string): string => `file${files.findIndex((file) => file.href === href) + 1}`;
  const diskIdOf = (disk: ExportDisk): string => `vmdisk${disks.indexOf(disk) + 1}`;
  const ids = uniqueIds(machines);
  const systems = machines.map((machine, index) => systemElement(machine, ids[index]!, options, idOf, diskIdOf));
  const namespace = `http://schemas.dmtf.org/ovf/envelope/${options.version === "2.0" ? 2 : 1}`;
  return writeXml({
    name: "Envelope",
    attributes: {
      "ovf:version": options.version,
      "xml:lang": "en-US",
      xmlns: namespace,
      "xmlns:ovf": namespace,
      "xmlns:rasd": `${SCHEMA}/CIM_ResourceAllocationSettingData`,
      "xmlns:vssd": `${SCHEMA}/CIM_VirtualSystemSettingData`,
      "xmlns:sasd": options.version === "2.0" ? `${SCHEMA}/CIM_StorageAllocationSettingData.xsd` : undefined,
      "xmlns:vbox": options.variant === "standard" ? VIRTUALBOX_NAMESPACE : undefined,
      "xmlns:vmw": options.variant === "vmware" ? VMWARE_NAMESPACE : undefined,
      "xmlns:guesthouse": GUESTHOUSE_NAMESPACE,
    },
    children: [
      { name: "References", children: files.map((file) => fileElement(file, idOf)) },
      {
        name: "DiskSection",
        children: [info("The virtual disks of the package"), ...disks.map((disk) => diskElement(disk, idOf, diskIdOf))],
      },
      { name: "NetworkSection", children: [info("The networks of the package")] },
      ...(systems.length === 1 ? systems : [collection(systems, options.name)]),
    ],
  });
}

/** A machine's files in the order in which they stand in the package. */
export function filesOf(machine: ExportMachine): ExportFile[] {
  return [...machine.disks, ...machine.opticals.map(({ file }) => file), ...machine.floppies].filter(
    (file) => file !== undefined,
  );
}

function info(text: string): XmlOutput {
  return { name: "Info", text };
}

function collection(systems: readonly XmlOutput[], name: string): XmlOutput {
  const children = [info("Several machines"), { name: "Name", text: name }, ...systems];
  return { name: "VirtualSystemCollection", attributes: { "ovf:id": name }, children };
}

function fileElement(file: ExportFile, idOf: (href: string) => string): XmlOutput {
  const attributes = { "ovf:href": file.href, "ovf:id": idOf(file.href), "ovf:size": String(file.sizeBytes) };
  return { name: "File", attributes };
}

function diskElement(
  disk: ExportDisk,
  idOf: (href: string) => string,
  diskIdOf: (disk: ExportDisk) => string,
): XmlOutput {
  return {
    name: "Disk",
    attributes: {
      "ovf:capacity": String(disk.capacityBytes),
      "ovf:diskId": diskIdOf(disk),
      "ovf:fileRef": idOf(disk.href),
      "ovf:format": STREAM_FORMAT,
    },
  };
}

function uniqueIds(machines: readonly ExportMachine[]): string[] {
  const taken = new Set<string>();
  return machines.map(({ name }) => {
    let id = name;
    for (let number = 2; taken.has(id); number++) id = `${name} ${number}`;
    taken.add(id);
    return id;
  });
}

function systemElement(
  machine: ExportMachine,
  id: string,
  options: OvfOptions,
  idOf: (href: string) => string,
  diskIdOf: (disk: ExportDisk) => string,
): XmlOutput {
  const hardware = new HardwareItems(options);
  hardware.addMachine(machine, idOf, diskIdOf);
  const { product, licence, description } = machine;
  const note = (name: string, entry: string, text: string, title: string): XmlOutput | undefined =>
    text === "" ? undefined : { name, children: [info(title), { name: entry, text }] };
  return {
    name: "VirtualSystem",
    attributes: { "ovf:id": id },
    children: [
      info("A virtual machine"),
      { name: "Name", text: machine.name },
      product === undefined ? undefined : productElement(product),
      note("AnnotationSection", "Annotation", description, "A description for people"),
      note("EulaSection", "License", licence, "The licence of what is installed"),
      osElement(machine.osType, options),
      {
        name: "VirtualHardwareSection",
        children: [info("The machine's hardware"), systemType(id, options), ...hardware.items],
      },
      guesthouseElement(machine),
    ],
  };
}

function productElement(product: NonNullable<ExportMachine["product"]>): XmlOutput {
  const children = [
    info("The installed software"),
    textElement("Product", product.name),
    textElement("Vendor", product.vendor),
    textElement("Version", product.version),
    textElement("FullVersion", product.fullVersion),
    textElement("ProductUrl", product.productUrl),
    textElement("VendorUrl", product.vendorUrl),
    textElement("AppUrl", product.appUrl),
  ];
  return { name: "ProductSection", children: children.filter((child) => child?.text !== "") };
}

function osElement(osType: string, { variant }: OvfOptions): XmlOutput {
  const { cim, virtualBox, vmware } = foreignOsNames(osType);
  const children = [
    info("The installed system"),
    { name: "Description", text: virtualBox },
    variant === "standard" ? textElement("vbox:OSType", virtualBox, { "ovf:required": "false" }) : undefined,
  ];
  const attributes = {
    "ovf:id": String(cim),
    "vmw:osType": variant === "vmware" ? vmwareGuestId(vmware) : undefined,
  };
  return { name: "OperatingSystemSection", attributes, children };
}

function systemType(id: string, { variant }: OvfOptions): XmlOutput {
  return {
    name: "System",
    children: [
      { name: "vssd:ElementName", text: "Virtual Hardware Family" },
      { name: "vssd:InstanceID", text: "0" },
      { name: "vssd:VirtualSystemIdentifier", text: id },
      { name: "vssd:VirtualSystemType", text: variant === "vmware" ? "vmx-07" : "virtualbox-2.2" },
    ],
  };
}

function guesthouseElement({ osType, rtcUtc, bootOrder, cpuLevel }: ExportMachine): XmlOutput {
  const attributes = {
    "ovf:required": "false",
    osType,
    rtcUtc: String(rtcUtc),
    bootOrder: bootOrder.join(" "),
    cpuLevel,
  };
  return { name: "guesthouse:Machine", attributes, children: [info("Settings that OVF has no words for")] };
}
