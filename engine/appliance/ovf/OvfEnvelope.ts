/** An OVF descriptor as it stands: versions and dialects of writing are smoothed out, nothing is judged yet. */
import type { ApplianceNote, ApplianceProduct } from "../../api/applianceProtocol.ts";
import type { XmlTree } from "../xml/XmlTree.ts";

export type OvfVersion = "0.9" | "1.0" | "2.0";

export const ovfNamespaces: ReadonlyMap<string, OvfVersion> = new Map([
  ["http://schemas.dmtf.org/ovf/envelope/1", "1.0"],
  ["http://schemas.dmtf.org/ovf/envelope/2", "2.0"],
  ["http://www.vmware.com/schema/ovf/1/envelope", "0.9"],
  ["http://schemas.dmtf.org/ovf/1/envelope", "0.9"],
]);
export const VIRTUALBOX_NAMESPACE = "http://www.virtualbox.org/ovf/machine";
export const VMWARE_NAMESPACE = "http://www.vmware.com/schema/ovf";
export const GUESTHOUSE_NAMESPACE = "urn:guesthouse:ovf:1";

export interface OvfFile {
  readonly id: string;
  readonly href: string;
  /** As stored, when the descriptor says. */
  readonly sizeBytes: number | undefined;
  readonly gzip: boolean;
}

export interface OvfDisk {
  readonly id: string;
  /** Undefined for a new, empty disk. */
  readonly file: OvfFile | undefined;
  readonly capacityBytes: number;
  readonly format: string;
  /** VirtualBox' identity of the disk, lower case, without braces. */
  readonly uuid: string | undefined;
}

/** One piece of hardware (CIM_ResourceAllocationSettingData and its kin): fields by lower-case name. */
export interface OvfItem {
  readonly resourceType: number;
  readonly fields: ReadonlyMap<string, string>;
  /** False for what may be left out. */
  readonly required: boolean;
}

export interface OvfSystem {
  readonly id: string;
  readonly name: string;
  readonly annotation: string;
  readonly cimOs: number;
  readonly osDescription: string;
  readonly virtualBoxOs: string;
  readonly vmwareOs: string;
  readonly hardware: string;
  readonly items: readonly OvfItem[];
  /** `vmw:Config` of the whole hardware. */
  readonly vmwareConfig: ReadonlyMap<string, string>;
  readonly guesthouse: XmlTree | undefined;
  readonly virtualBoxMachine: XmlTree | undefined;
  readonly product: ApplianceProduct | null;
  readonly properties: readonly { key: string; label: string; value: string }[];
  readonly licence: string;
  readonly notes: readonly ApplianceNote[];
}

export interface OvfEnvelope {
  readonly version: OvfVersion;
  readonly files: readonly OvfFile[];
  readonly disks: ReadonlyMap<string, OvfDisk>;
  readonly networks: readonly { name: string; description: string }[];
  readonly configurations: readonly { id: string; label: string; description: string; chosen: boolean }[];
  readonly systems: readonly OvfSystem[];
  readonly notes: readonly ApplianceNote[];
}
