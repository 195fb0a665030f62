/** The table of internal snapshots of a QCOW2 image (QEMU, docs/interop/qcow2.txt, "Snapshots"): read, never written. */
import type { ByteStore } from "../../../contracts/BlockDevice.ts";
import type { InternalSnapshot } from "../../../contracts/DiskImage.ts";
import { corrupt, type Qcow2Header } from "./Qcow2Header.ts";

const FIXED_BYTES = 40;
const EXTRA_BYTES_MAX = 1024;
const L1_ENTRIES_MAX = 4 * 1024 * 1024;

export interface SnapshotTable {
  readonly list: readonly InternalSnapshot[];
  readonly tables: readonly { l1Offset: number; l1Entries: number }[];
  readonly tableBytes: number;
}

/** Fails with "corrupt-image". */
export async function readSnapshots(store: ByteStore, header: Qcow2Header): Promise<SnapshotTable> {
  const list: InternalSnapshot[] = [];
  const tables: { l1Offset: number; l1Entries: number }[] = [];
  let at = header.snapshotsOffset;
  for (let index = 0; index < header.snapshotCount; index++) {
    const fixed = await readBytes(store, at, FIXED_BYTES);
    const extraBytes = fixed.getUint32(36);
    const idBytes = fixed.getUint16(12);
    const nameBytes = fixed.getUint16(14);
    const l1Entries = fixed.getUint32(8);
    if (extraBytes > EXTRA_BYTES_MAX || l1Entries > L1_ENTRIES_MAX)
      throw corrupt("A snapshot's entry is impossible.", { index });
    const rest = await readBytes(store, at + FIXED_BYTES, extraBytes + idBytes + nameBytes);
    const text = (start: number, length: number) =>
      new TextDecoder().decode(new Uint8Array(rest.buffer, start, length));
    list.push({
      id: text(extraBytes, idBytes),
      name: text(extraBytes + idBytes, nameBytes),
      takenAtMs: fixed.getUint32(16) * 1000 + Math.floor(fixed.getUint32(20) / 1e6),
      sizeBytes: extraBytes >= 16 ? Number(rest.getBigUint64(8)) : header.sizeBytes,
    });
    tables.push({ l1Offset: fixed.getUint32(0) * 2 ** 32 + fixed.getUint32(4), l1Entries });
    at += Math.ceil((FIXED_BYTES + extraBytes + idBytes + nameBytes) / 8) * 8;
  }
  return { list, tables, tableBytes: at - header.snapshotsOffset };
}

async function readBytes(store: ByteStore, offset: number, length: number): Promise<DataView> {
  const bytes = new Uint8Array(length);
  if ((await store.read(offset, bytes)) < length) throw corrupt("The image ends within its table of snapshots.");
  return new DataView(bytes.buffer);
}
