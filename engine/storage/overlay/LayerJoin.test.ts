import { expect, test } from "vitest";
import { DiskModel, expectContent } from "../../../tests/fixtures/DiskModel.ts";
import { diskServices } from "../../../tests/fixtures/diskServices.ts";
import { RandomValues } from "../../../tests/fixtures/RandomValues.ts";
import type { DiskFormatId, DiskImage } from "../../contracts/DiskImage.ts";
import { diskFormat, openDisk } from "../openDisk.ts";
import { SwitchableDisk } from "../SwitchableDisk.ts";
import { MemoryFiles } from "../stores/MemoryFiles.ts";
import { BackingLink } from "./BackingLink.ts";
import { LayerJoin } from "./LayerJoin.ts";
import { reopenLink } from "./reopenLink.ts";

const SECTORS = 8192;
const sizeBytes = SECTORS * 512;
const services = diskServices();

async function filled(image: DiskImage, model: DiskModel, random: RandomValues, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) await change(image, model, random);
}

/** One request of a guest, and what becomes of its model. */
async function change(
  disk: Pick<DiskImage, "write" | "writeZeroes" | "discard" | "read">,
  model: DiskModel,
  random: RandomValues,
): Promise<void> {
  const { first, count } = model.range(random, 12);
  const offset = first * 512;
  if (random.below(5) === 0) {
    model.tags.fill(0, first, first + count);
    return await disk.writeZeroes(offset, count * 512);
  }
  for (let sector = first; sector < first + count; sector++) model.tags[sector] = model.newTag();
  await disk.write(offset, model.bytes(first, count));
}

async function chain(format: DiskFormatId, random: RandomValues) {
  const files = new MemoryFiles();
  const model = new DiskModel(SECTORS);
  const base = await diskFormat(format).create(files, "disk.img", { sizeBytes, services });
  await filled(base, model, random, 20);
  await base.close();
  const below = { names: ["disk.img"], format, identity: undefined };
  const made = await diskFormat("qcow2").create(files, "upper.qcow2", {
    sizeBytes,
    services,
    backing: { reference: below },
  });
  await made.close();
  const link = (image: DiskImage, file: string) => new BackingLink(image, file);
  const upper = await openDisk(files, "upper.qcow2", { access: "write", services, format: "qcow2", link });
  await filled(upper, model, random, 40);
  await upper.flush();
  return { files, model, upper, lower: upper.backing as BackingLink };
}

test.each(["raw", "qcow2", "vdi", "vmdk", "vhd", "vhdx"] as const)(
  "a layer is joined with the %s image below while a guest writes, which goes on with that alone",
  async (format) => {
    for (let seed = 1; seed <= 3; seed++) {
      const random = new RandomValues(seed * 7919);
      const { files, model, upper, lower } = await chain(format, random);
      await reopenLink(lower, files, { name: "disk.img", access: "write", services, format });
      expect(lower.image.readOnly).toBe(false);
      const disk = new SwitchableDisk(upper);
      const join = new LayerJoin(upper, lower.image);
      await disk.hold();
      disk.appoint(join);
      disk.release();
      let copied = false;
      const copying = join.copy({}).then(() => {
        copied = true;
      });
      // Requests that overlap each other and the copy, each answered before what contradicts it comes.
      for (let round = 0; round < 60 || !copied; round++) {
        await change(disk, model, random);
        if (random.below(4) === 0) await disk.flush();
      }
      await copying;
      await filled(disk as unknown as DiskImage, model, random, 10);
      await disk.hold();
      await join.settle();
      const image = await lower.takeOut();
      disk.appoint(undefined);
      disk.release(image);
      await upper.close();
      await change(disk, model, random);
      await expectContent(disk, model, `${format} ${seed}`);
      await disk.close();
      const again = await openDisk(files, "disk.img", { access: "read", services, format });
      await expectContent(again, model, `${format} ${seed}, opened again`);
    }
  },
  60_000,
);

test("cancelled, or failed in the lower image, the upper one reads as ever and the guest notices nothing", async () => {
  const random = new RandomValues(5);
  const { files, model, upper, lower } = await chain("raw", random);
  await reopenLink(lower, files, { name: "disk.img", access: "write", services, format: "raw" });
  const abort = new AbortController();
  const stopped = new LayerJoin(upper, lower.image).copy({ onProgress: () => abort.abort(), signal: abort.signal });
  await expect(stopped).rejects.toMatchObject({ kind: "cancelled" });
  await expectContent(upper, model, "cancelled");
  const full = new Proxy(lower.image, {
    get: (target, name) => {
      if (name === "write") return () => Promise.reject(new Error("full"));
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const join = new LayerJoin(upper, full);
  const { first, count } = { first: 3, count: 5 };
  for (let sector = first; sector < first + count; sector++) model.tags[sector] = model.newTag();
  await join.write(first * 512, model.bytes(first, count));
  await expect(join.settle()).rejects.toThrow("full");
  await expectContent(upper, model, "failed");
  await reopenLink(lower, files, { name: "disk.img", access: "read", services, format: "raw" });
  await expectContent(upper, model, "reopened");
  await expect(
    reopenLink(lower, files, { name: "none.img", access: "read", services, format: "raw" }),
  ).rejects.toMatchObject({
    kind: "file-missing",
  });
  await expectContent(upper, model, "as before");
  await upper.close();
});
