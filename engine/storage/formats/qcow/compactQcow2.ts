/**
 * Makes a QCOW2 file smaller in place: clusters of zeros leave the map, what lies high moves into free clusters below, and the file is cut after
 * its last used cluster. Each step is an ordinary change of the map, so stopping at any moment leaves a sound image. The L1 and
 * refcount tables, compressed clusters and what snapshots share stay where they are.
 */
import type { LongWork } from "../../../contracts/DiskImage.ts";
import { isZero, refuseIfCancelled } from "../../DiskImageBase.ts";
import { dataCluster } from "./ClusterMap.ts";
import type { Qcow2Volume } from "./Qcow2Volume.ts";

export interface CompactedDisk {
  readonly sizeBytes: number;
  read(offset: number, target: Uint8Array): Promise<void>;
  clear(cluster: number): Promise<void>;
  /** Writes a cluster's content at another place of the file, encrypted for that place. */
  copy(cluster: number, place: number): Promise<void>;
}

export async function compactQcow2(volume: Qcow2Volume, work: LongWork, disk: CompactedDisk): Promise<void> {
  await dropZeros(volume, work, disk);
  await volume.locked(async () => {
    await volume.prepareChange();
    await volume.commit();
    await moveDown(volume, work, disk);
    await volume.commit();
    await cutFile(volume);
  });
  work.onProgress?.(1);
}

async function dropZeros(volume: Qcow2Volume, work: LongWork, disk: CompactedDisk): Promise<void> {
  const { clusterBytes, map } = volume;
  const content = new Uint8Array(clusterBytes);
  await eachEntry(
    volume,
    async (cluster) => {
      const entry = await map.get(cluster);
      if (cluster * clusterBytes >= disk.sizeBytes || entry.offset === 0) return;
      const inside = content.subarray(0, Math.min(clusterBytes, disk.sizeBytes - cluster * clusterBytes));
      if (entry.kind !== "zero") {
        await disk.read(cluster * clusterBytes, inside);
        if (!isZero(inside)) return;
      }
      await disk.clear(cluster);
    },
    (fraction) => {
      refuseIfCancelled(work);
      work.onProgress?.(fraction * 0.5);
    },
  );
}

/** Calls for each guest cluster that has an L2 table. */
async function eachEntry(
  { map }: Qcow2Volume,
  action: (cluster: number) => Promise<void>,
  progress: (fraction: number) => void,
): Promise<void> {
  for (let index = 0; index < map.l1Entries; index++) {
    progress(index / map.l1Entries);
    if (map.l1(index).offset === 0) continue;
    const first = index * map.entriesPerTable;
    for (let entry = 0; entry < map.entriesPerTable; entry++) await action(first + entry);
  }
}

async function moveDown(volume: Qcow2Volume, work: LongWork, disk: CompactedDisk): Promise<void> {
  const { map, refcounts, clusterBytes } = volume;
  const used = await countUsed(volume);
  refcounts.startLow();
  let room = true;
  /** A free cluster that fits below, or undefined when there is none any more. */
  const lower = async (): Promise<number | undefined> => {
    if (!room) return undefined;
    const { offset } = await refcounts.allocate(1);
    if (offset / clusterBytes < used) return offset;
    refcounts.free(offset, 1);
    room = false;
    return undefined;
  };
  const high = (offset: number) => offset / clusterBytes >= used;
  for (let index = 0; index < refcounts.blocks.length; index++) {
    if (!high(refcounts.blocks[index]!)) continue;
    const place = await lower();
    if (place !== undefined) await refcounts.moveBlock(index, place);
  }
  for (let index = 0; index < map.l1Entries; index++) {
    const { offset, copied } = map.l1(index);
    if (!copied || !high(offset)) continue;
    const place = await lower();
    if (place !== undefined) await map.moveTable(index, place);
  }
  await eachEntry(
    volume,
    async (cluster) => {
      const entry = await map.get(cluster);
      if (entry.kind !== "data" || !entry.copied || !high(entry.offset)) return;
      const place = await lower();
      if (place === undefined) return;
      await disk.copy(cluster, place);
      await map.set(cluster, dataCluster(place));
      map.release(entry);
      if (map.full || refcounts.full) await volume.commit();
    },
    (fraction) => {
      refuseIfCancelled(work);
      work.onProgress?.(0.5 + fraction * 0.5);
    },
  );
}

async function countUsed({ refcounts, store, clusterBytes }: Qcow2Volume): Promise<number> {
  const clusters = Math.ceil((await store.size()) / clusterBytes);
  let used = 0;
  for (let cluster = 0; cluster < clusters; cluster++) if ((await refcounts.count(cluster)) > 0) used++;
  return used;
}

async function cutFile({ refcounts, store, clusterBytes }: Qcow2Volume): Promise<void> {
  let clusters = Math.ceil((await store.size()) / clusterBytes);
  while (clusters > 1 && (await refcounts.count(clusters - 1)) === 0) clusters--;
  refcounts.startLow();
  const size = await store.size();
  if (clusters * clusterBytes < size) await store.truncate(clusters * clusterBytes);
  await store.flush();
}
