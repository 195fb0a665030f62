import { expect, test } from "vitest";
import { diskServices } from "../../tests/fixtures/diskServices.ts";
import type { DiskImage } from "../contracts/DiskImage.ts";
import { diskFormat } from "./openDisk.ts";
import { BackingLink } from "./overlay/BackingLink.ts";
import { SwitchableDisk } from "./SwitchableDisk.ts";
import { MemoryFiles } from "./stores/MemoryFiles.ts";

const BLOCK = 512;
const services = diskServices();
const full = (value: number): Uint8Array => new Uint8Array(BLOCK).fill(value);

async function valueAt(disk: { read(offset: number, target: Uint8Array): Promise<void> }, offset = 0): Promise<number> {
  const bytes = new Uint8Array(BLOCK);
  await disk.read(offset, bytes);
  return bytes[0]!;
}

async function images() {
  const files = new MemoryFiles();
  const base = await diskFormat("raw").create(files, "disk.img", { sizeBytes: 64 * BLOCK, services });
  const lent = new BackingLink(base, "disk.img");
  lent.lend();
  const overlay = await diskFormat("qcow2").create(files, "overlay.qcow2", {
    sizeBytes: base.sizeBytes,
    services,
    backing: { reference: { names: ["disk.img"], format: "raw", identity: undefined }, device: lent },
  });
  return { base, lent, overlay };
}

/** An image whose requests end when they are told to. */
function slowly(image: DiskImage): { image: DiskImage; end(): void } {
  const gate = Promise.withResolvers<void>();
  const write = async (offset: number, source: Uint8Array): Promise<void> => {
    await gate.promise;
    await image.write(offset, source);
  };
  const slow = new Proxy(image, {
    get: (target, name) => {
      if (name === "write") return write;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { image: slow, end: () => gate.resolve() };
}

test("what is under way ends in the old image, what comes meanwhile goes to the new one, in its order", async () => {
  const { base, lent, overlay } = await images();
  const slow = slowly(base);
  const disk = new SwitchableDisk(slow.image);
  const first = disk.write(0, full(1));
  let held = false;
  const holding = disk.hold().then(() => {
    held = true;
  });
  const later = [disk.write(0, full(2)), disk.write(0, full(3))];
  await Promise.resolve();
  expect(held).toBe(false);
  slow.end();
  await Promise.all([first, holding]);
  expect(await valueAt(base)).toBe(1);
  lent.handOver();
  disk.release(overlay);
  await Promise.all(later);
  expect([await valueAt(base), await valueAt(disk), await valueAt(disk, BLOCK)]).toEqual([1, 3, 0]);
  await expect(lent.write(0)).rejects.toMatchObject({ kind: "read-only" });
  await disk.close();
  await expect(base.read(0, full(0))).rejects.toMatchObject({ kind: "closed" });
});

test("released without another image it goes on as before; an overlay that is given up leaves the image open", async () => {
  const { base, overlay } = await images();
  const disk = new SwitchableDisk(base);
  await disk.hold();
  const waiting = disk.write(0, full(7));
  await overlay.close();
  disk.release();
  await waiting;
  expect(await valueAt(base)).toBe(7);
});

test("closing while requests wait refuses them: nothing reaches an image that may be a snapshot's", async () => {
  const { base } = await images();
  const disk = new SwitchableDisk(base);
  await disk.hold();
  const waiting = disk.write(0, full(7));
  disk.refuseHeld();
  await expect(waiting).rejects.toMatchObject({ kind: "closed" });
  await expect(disk.flush()).rejects.toMatchObject({ kind: "closed" });
  expect(await valueAt(base)).toBe(0);
  await disk.close();
});
