/** The data structures that Identify and Get Log Page return (NVM Express 1.4, 5.14 and 5.15). */
import * as nvme from "./nvmeRegisters.ts";

const BYTES = 4096;

export interface NvmeIdentity {
  readonly model: string;
  readonly serialNumber: string;
  readonly firmwareRevision: string;
}

function put(data: Uint8Array, offset: number, length: number, text: string): void {
  for (let index = 0; index < length; index++) {
    data[offset + index] = index < text.length ? text.charCodeAt(index) & 0x7f : 0x20;
  }
}

export function identifyController(identity: NvmeIdentity, vendorId: number): Uint8Array {
  const data = new Uint8Array(BYTES);
  const view = new DataView(data.buffer);
  view.setUint16(0, vendorId, true);
  view.setUint16(2, vendorId, true);
  put(data, 4, 20, identity.serialNumber);
  put(data, 24, 40, identity.model);
  put(data, 64, 8, identity.firmwareRevision);
  data[72] = 6; // Recommended arbitration burst: 64 commands.
  data[77] = nvme.TRANSFER_PAGES_EXPONENT;
  view.setUint32(80, nvme.VERSION_1_4, true);
  data[111] = 1; // An I/O controller.
  data[258] = 3; // Abort commands at a time, from 0.
  data[259] = 3; // Asynchronous event requests at a time, from 0.
  data[260] = 0x03; // One firmware slot, read-only.
  view.setUint16(266, 343, true); // Warning and critical temperature in kelvins.
  view.setUint16(268, 373, true);
  data[512] = 0x66;
  data[513] = 0x44;
  view.setUint32(516, 1, true);
  view.setUint16(520, 0x000c, true); // Dataset management and write zeroes.
  data[525] = 1; // A volatile write cache.
  const name = `nqn.2014-08.org.nvmexpress:guesthouse:${identity.serialNumber}\0`;
  for (let index = 0; index < name.length; index++) data[768 + index] = name.charCodeAt(index) & 0x7f;
  view.setUint16(2048, 2500, true); // Power state 0: 25 W.
  return data;
}

export function identifyNamespace(sectors: number, serialNumber: string, readOnly: boolean): Uint8Array {
  const data = new Uint8Array(BYTES);
  const view = new DataView(data.buffer);
  for (const at of [0, 8, 16]) view.setBigUint64(at, BigInt(sectors), true);
  data[99] = readOnly ? 1 : 0;
  data.set(uniqueIdentifier(serialNumber), 104);
  data[130] = 9; // LBA format 0: 2^9 bytes, no metadata.
  return data;
}

export function activeNamespaces(after: number): Uint8Array {
  const data = new Uint8Array(BYTES);
  if (after === 0) data[0] = 1;
  return data;
}

/** Namespace identification descriptors: one NGUID. */
export function namespaceDescriptors(serialNumber: string): Uint8Array {
  const data = new Uint8Array(BYTES);
  data.set([2, 16]);
  data.set(uniqueIdentifier(serialNumber), 4);
  return data;
}

/** 16 bytes that differ with the serial number (FNV-1a, four times with other beginnings). */
function uniqueIdentifier(serialNumber: string): Uint8Array {
  const words = new Uint32Array(4);
  words.forEach((_, index) => {
    let hash = 0x811c9dc5 ^ index;
    for (const character of serialNumber) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
    words[index] = hash;
  });
  return new Uint8Array(words.buffer);
}

/** Error information, health, firmware slots; undefined for pages that are not there. */
export function logPage(identifier: number, firmwareRevision: string): Uint8Array | undefined {
  const data = new Uint8Array(512);
  switch (identifier) {
    case 1:
      return data;
    case 2:
      new DataView(data.buffer).setUint16(1, 310, true);
      data[3] = 100; // Spare blocks in percent, and their threshold.
      data[4] = 10;
      return data;
    case 3:
      data[0] = 1;
      put(data, 8, 8, firmwareRevision);
      return data;
    default:
      return undefined;
  }
}
