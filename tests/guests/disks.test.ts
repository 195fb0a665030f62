import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { MiB } from "../../engine/base/units.ts";
import type { DiskInterface } from "../../engine/machine/MachineOptions.ts";
import { RawDisk } from "../../engine/storage/formats/raw/RawDisk.ts";
import { MemoryStore } from "../../engine/storage/stores/MemoryStore.ts";
import { bootGuest } from "./bootGuest.ts";
import { debianFile, guestsUnavailable } from "./debianGuests.ts";
import { diskGuest } from "./diskGuest.ts";

/**
 * Debian's kernel on a disk of each controller: partitions, makes a file system, writes, verifies after its caches were dropped, trims, flushes.
 * GUESTHOUSE_DISK_MIB sets how much is written.
 */
const unavailable = guestsUnavailable();
const note = unavailable === undefined ? "" : `: ${unavailable}`;
const MINUTE = 60_000;
const writtenMiB = Number(process.env.GUESTHOUSE_DISK_MIB ?? 16);
const trouble = /Oops|BUG:|Call Trace|I\/O error|timeout|failed command|exception Emask/;

const script = (device: string, partition: string) => `
give_up() { echo "VERDICT $1"; echo END; poweroff -f; }
sleep 1
mdev -s
ls /sys/block
echo SERIAL $(cat /sys/block/${device}/serial /sys/block/${device}/device/serial 2>/dev/null)
echo ROTATIONAL $(cat /sys/block/${device}/queue/rotational)
printf 'n\\np\\n1\\n\\n\\nw\\n' | fdisk /dev/${device} > /dev/null
mdev -s
mke2fs -F /dev/${partition} > /dev/null || give_up "no file system"
mount -t ext4 /dev/${partition} /mnt || give_up "no mount"
dd if=/dev/urandom of=/tmp.bin bs=1M count=1 2> /dev/null
for i in $(seq ${writtenMiB}); do { echo $i; cat /tmp.bin; } > /mnt/$i; done
WANTED=$(for i in $(seq ${writtenMiB}); do { echo $i; cat /tmp.bin; } ; done | md5sum)
cat /proc/interrupts | grep -i "${device}\\|virtio\\|nvme\\|ahci"
sync
umount /mnt
echo 3 > /proc/sys/vm/drop_caches
blockdev --flushbufs /dev/${device}
mount -t ext4 /dev/${partition} /mnt || give_up "no second mount"
FOUND=$(for i in $(seq ${writtenMiB}); do cat /mnt/$i; done | md5sum)
[ "$WANTED" = "$FOUND" ] && echo VERDICT good || echo VERDICT bad
rm /mnt/[0-9]*
fstrim /mnt && echo TRIMMED
umount /mnt
blkdiscard -o 1048576 -l 1048576 /dev/${device} && echo DISCARDED
echo END
poweroff -f
`;

const cases: readonly [kind: DiskInterface, device: string, partition: string][] = [
  ["ide", "sda", "sda1"],
  ["ahci", "sda", "sda1"],
  ["virtio-blk", "vda", "vda1"],
  ["virtio-scsi", "sda", "sda1"],
  ["nvme", "nvme0n1", "nvme0n1p1"],
];

describe.skipIf(unavailable !== undefined)(`Linux keeps its files on a disk${note}`, () => {
  for (const [kind, device, partition] of cases) {
    test(`of ${kind}`, { timeout: 10 * MINUTE }, async () => {
      const store = new MemoryStore(new Uint8Array((writtenMiB + 48) * MiB));
      const blocks = await RawDisk.open(store, { readOnly: false });
      const media = diskGuest(script(device, partition), `disks-${kind}`);
      using guest = await bootGuest({
        ...media,
        commandLine: "console=ttyS0 cryptomgr.notests panic=1",
        memoryMiB: 512,
        disks: [{ name: "tried", blocks, interface: kind, serialNumber: "TRIED-1", solidState: true }],
      });
      await guest.waitForSerial(/^(VERDICT|END).*$/m, 8 * MINUTE);
      await guest.waitForSerial(/^END/m, MINUTE);
      expect(guest.serial).toMatch(/^VERDICT good/m);
      expect(guest.serial).not.toMatch(trouble);
      expect(guest.serial).toMatch(/^ROTATIONAL 0|vda/m);
      expect(guest.serial).toMatch(/^TRIMMED/m);
      expect(guest.serial).toMatch(/^DISCARDED/m);
      if (kind === "virtio-blk" || kind === "nvme") expect(guest.serial).toMatch(/^SERIAL TRIED-1/m);
    });
  }
});

const opticalScript = (sectors: number) => `
sleep 1
mdev -s
echo FOUND $(dd if=/dev/sr0 bs=2048 count=${sectors} 2> /dev/null | md5sum)
mount -t iso9660 -o ro /dev/sr0 /mnt && echo FILES $(ls /mnt)
umount /mnt
echo END
poweroff -f
`;

const rescue = () => debianFile("grub-rescue-pc", "usr/lib/grub-rescue/grub-rescue-cdrom.iso");

describe.skipIf(unavailable !== undefined)(`Linux reads a disc${note}`, () => {
  for (const kind of ["ahci", "virtio-scsi"] as const) {
    test(`in a drive of ${kind}`, { timeout: 6 * MINUTE }, async () => {
      const bytes = readFileSync(rescue());
      const sectors = Math.floor(bytes.length / 2048);
      using guest = await bootGuest({
        ...diskGuest(opticalScript(sectors), `disc-${kind}`),
        commandLine: "console=ttyS0 cryptomgr.notests panic=1",
        memoryMiB: 512,
        cdrom: rescue(),
        opticalInterface: kind,
      });
      await guest.waitForSerial(/^END/m, 5 * MINUTE);
      const wanted = createHash("md5")
        .update(bytes.subarray(0, sectors * 2048))
        .digest("hex");
      expect(guest.serial).toContain(`FOUND ${wanted}`);
      expect(guest.serial).toMatch(/^FILES .*boot/m);
      expect(guest.serial).not.toMatch(trouble);
    });
  }
});

describe.skipIf(unavailable !== undefined)(`GRUB starts from a disk${note}`, () => {
  const firmwares = [
    ["our BIOS", () => undefined],
    ["SeaBIOS", () => debianFile("seabios", "usr/share/seabios/bios-256k.bin")],
  ] as const;
  for (const [name, firmware] of firmwares) {
    for (const kind of ["ahci", "virtio-blk", "virtio-scsi", "nvme"] as const) {
      test(`of ${kind} under ${name}`, { timeout: 3 * MINUTE }, async () => {
        const image = readFileSync(rescue());
        const bytes = new Uint8Array(Math.ceil(image.length / 512) * 512);
        bytes.set(image);
        const blocks = await RawDisk.open(new MemoryStore(bytes), { readOnly: false });
        const path = firmware();
        using guest = await bootGuest({
          ...(path === undefined ? {} : { firmware: path }),
          bootOrder: ["disk"],
          disks: [{ name: "grub", blocks, interface: kind }],
        });
        await guest.waitForText(/GNU GRUB +version 2[\s\S]*Memtest86\+/, 2 * MINUTE);
      });
    }
  }
});

/** $1 is the device that comes and goes. */
const plugScript = `
try_disk() {
  until [ -b /dev/$1 ]; do sleep 1; done
  sleep 1
  echo FOUND $1 $(dd if=/dev/$1 bs=512 count=8 2> /dev/null | md5sum)
  echo REMOVABLE $1 $(cat /sys/block/$1/removable)
  echo PLUGGED $1
  while [ -b /dev/$1 ]; do sleep 1; done
  echo GONE $1
}
sleep 1
echo READY
try_disk sdc
try_disk sdc
echo END
poweroff -f
`;

test.skipIf(unavailable !== undefined)(
  `Linux sees disks of AHCI and virtio SCSI come and go${note}`,
  { timeout: 6 * MINUTE },
  async () => {
    const disk = (fill: number) =>
      RawDisk.open(new MemoryStore(new Uint8Array(4 * MiB).fill(fill)), { readOnly: false });
    using guest = await bootGuest({
      ...diskGuest(plugScript, "plugged"),
      commandLine: "console=ttyS0 cryptomgr.notests panic=1",
      memoryMiB: 512,
      disks: [
        { name: "first", blocks: await disk(0), interface: "ahci" },
        { name: "second", blocks: await disk(0), interface: "virtio-scsi" },
      ],
    });
    await guest.waitForSerial(/^READY/m, 4 * MINUTE);
    const { machine } = guest;
    const seen = async (kind: DiskInterface, fill: number, times: number) => {
      const slot = machine.attachDisk({ name: "third", blocks: await disk(fill), interface: kind, removable: true });
      await guest.waitForSerial(new RegExp(`(PLUGGED sdc[\\s\\S]*){${times}}`), MINUTE);
      const wanted = createHash("md5").update(new Uint8Array(4096).fill(fill)).digest("hex");
      expect(guest.serial).toContain(`FOUND sdc ${wanted}`);
      machine.detachDisk(slot);
      await guest.waitForSerial(new RegExp(`(GONE sdc[\\s\\S]*){${times}}`), MINUTE);
    };
    await seen("ahci", 0x5d, 1);
    await seen("virtio-scsi", 0x6e, 2);
    await guest.waitForSerial(/^END/m, MINUTE);
    expect(guest.serial.match(/^REMOVABLE sdc 1/gm)).toHaveLength(2);
    expect(() => machine.attachDisk({ name: "nvme", blocks: machine.disks[0]!.blocks, interface: "nvme" })).toThrow(
      /while the machine is off/,
    );
  },
);
