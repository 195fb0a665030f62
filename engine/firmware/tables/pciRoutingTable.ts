import { PIRQ_INTERRUPT_MASK, pirqOf } from "../system/pciSetup.ts";

/**
 * The PCI interrupt routing table ($PIR, Microsoft specification 1.0): which PIRQ each pin of each slot reaches. The link
 * value is the PIIX3 register that steers the PIRQ.
 */
const DEVICES = 16;
const ENTRY_BYTES = 16;
const HEADER_BYTES = 32;
const FIRST_LINK = 0x60;
const ROUTER_DEVFN = 1 << 3;
/** What a PIRQ may be steered to: 3-7, 9-12, 14, 15. */
const POSSIBLE_IRQS = 0xdef8;

/** The slot entries alone, as INT 1Ah B10Eh returns them. */
export function pciRoutingSlots(): Uint8Array {
  const bytes = new Uint8Array(DEVICES * ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  for (let device = 0; device < DEVICES; device++) {
    const at = device * ENTRY_BYTES;
    bytes[at + 1] = device << 3;
    for (let pin = 1; pin <= 4; pin++) {
      bytes[at + 2 + (pin - 1) * 3] = FIRST_LINK + pirqOf(device, pin);
      view.setUint16(at + 3 + (pin - 1) * 3, POSSIBLE_IRQS, true);
    }
    // Slots from 3 on are free for cards; the board's own devices have slot number 0.
    bytes[at + 14] = device < 3 ? 0 : device - 2;
  }
  return bytes;
}

export function pciRoutingTable(): Uint8Array {
  const slots = pciRoutingSlots();
  const bytes = new Uint8Array(HEADER_BYTES + slots.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x24, 0x50, 0x49, 0x52]);
  view.setUint16(4, 0x0100, true);
  view.setUint16(6, bytes.length, true);
  bytes[9] = ROUTER_DEVFN;
  view.setUint16(10, PIRQ_INTERRUPT_MASK, true);
  // Compatible router: 8086:122E (PIIX).
  view.setUint32(12, 0x122e8086, true);
  bytes.set(slots, HEADER_BYTES);
  bytes[31] = -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
  return bytes;
}
