/**
 * What a drive's port means on its controller: a port of the AHCI controller, a target of the SCSI host, and for disks that are functions of their
 * own the PCI slot. Interfaces of one group share its places.
 */
import { pciHotPlugLayout } from "../../contracts/pciHotPlugLayout.ts";
import { AHCI_PORTS } from "../../devices/ahci/AhciController.ts";
import { SCSI_TARGETS } from "../../devices/virtio/VirtioScsi.ts";

export type PlaceGroup = "ahci" | "virtio-scsi" | "slot";

export interface Places {
  readonly first: number;
  readonly count: number;
}

export const placesOf: Readonly<Record<PlaceGroup, Places>> = {
  ahci: { first: 0, count: AHCI_PORTS },
  "virtio-scsi": { first: 0, count: SCSI_TARGETS },
  slot: { first: pciHotPlugLayout.firstSlot, count: pciHotPlugLayout.slotCount },
};

/** Undefined on IDE. */
export function placeGroupOf(kind: string | undefined): PlaceGroup | undefined {
  switch (kind) {
    case "ahci":
    case "virtio-scsi":
      return kind;
    case "virtio-blk":
    case "nvme":
      return "slot";
    default:
      return undefined;
  }
}
