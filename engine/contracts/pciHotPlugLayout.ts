/**
 * What the board and the ACPI tables of its firmware must agree on for disks that come and go as PCI functions: the ports of the slot
 * controller, its general purpose event, and the slots that it is for.
 */
export const pciHotPlugLayout = {
  ports: { start: 0xae00, length: 16 },
  /** Offsets of the registers, each of 32 bits with one bit a slot. */
  up: 0x00,
  down: 0x04,
  eject: 0x08,
  removable: 0x0c,
  event: 1,
  firstSlot: 8,
  slotCount: 24,
} as const;
