import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { MiB } from "../../engine/base/units.ts";
import type { BlockDevice } from "../../engine/contracts/BlockDevice.ts";
import type { DiskInterface } from "../../engine/machine/MachineOptions.ts";
import { RawDisk } from "../../engine/storage/formats/raw/RawDisk.ts";
import { MemoryStore } from "../../engine/storage/stores/MemoryStore.ts";
import { bootGuest, type Guest } from "./bootGuest.ts";
import { debianFile, guestsUnavailable } from "./debianGuests.ts";
import { diskGuest } from "./diskGuest.ts";

/**
 * Debian's kernel with a disk on each controller, one after the other: partitions, makes a file system, writes, verifies after its caches were
 * dropped, trims, flushes; then reads discs, and sees disks come and go. One boot for all, because it takes longer than the disks do.
 * GUESTHOUSE_DISK_MIB sets how much is written to each.
 */
const unavailable = guestsUnavailable();
const note = unavailable === undefined ? "" : `: ${unavailable}`;
const MINUTE = 60_000;
const writtenMiB = Number(process.env.GUESTHOUSE_DISK_MIB ?? 8);
/** For one disk; on a busy host a MiB takes seconds. */
const DISK_MS = (8 + writtenMiB / 8) * MINUTE;
const trouble = /Oops|BUG:|Call Trace|I\/O error|timeout|failed command|exception Emask/;

const kinds: readonly DiskInterface[] = ["ide", "ahci", "virtio-blk", "virtio-scsi", "nvme"];
/** Disks are told apart by their sizes, whatever the kernel names them. */
const sizeMiB = (kind: DiskInterface): number => writtenMiB + 48 + kinds.indexOf(kind);
const PLUGGED_MIB = 4;
const tries = kinds.map((kind) => `try_disk ${kind} ${sizeMiB(kind)}`).join("\n");

const rescue = () => debianFile("grub-rescue-pc", "usr/lib/grub-rescue/grub-rescue-cdrom.iso");

const script = (discSectors: number) => `
# The disk of so many MiB.
find_disk() { for d in /sys/block/*; do [ $(cat $d/size) = $(($1 * 2048)) ] && echo \${d##*/}; done; }
give_up() { echo "VERDICT $KIND $1"; umount /mnt 2> /dev/null; }
content() { for i in $(seq ${writtenMiB}); do echo $KIND $i; cat /tmp.bin; done; }

try_disk() {
  KIND=$1
  DISK=$(find_disk $2)
  PART=$DISK"1"; [ $KIND = nvme ] && PART=$DISK"p1"
  echo SERIAL $KIND $(cat /sys/block/$DISK/serial /sys/block/$DISK/device/serial 2>/dev/null)
  echo ROTATIONAL $KIND $(cat /sys/block/$DISK/queue/rotational)
  printf 'n\\np\\n1\\n\\n\\nw\\n' | fdisk /dev/$DISK > /dev/null
  mdev -s
  mke2fs -F /dev/$PART > /dev/null || { give_up "no file system"; return; }
  mount -t ext4 /dev/$PART /mnt || { give_up "no mount"; return; }
  for i in $(seq ${writtenMiB}); do { echo $KIND $i; cat /tmp.bin; } > /mnt/$i; done
  WANTED=$(content | md5sum)
  sync
  umount /mnt
  echo 3 > /proc/sys/vm/drop_caches
  blockdev --flushbufs /dev/$DISK
  mount -t ext4 /dev/$PART /mnt || { give_up "no second mount"; return; }
  FOUND=$(for i in $(seq ${writtenMiB}); do cat /mnt/$i; done | md5sum)
  [ "$WANTED" = "$FOUND" ] && echo VERDICT $KIND good || echo VERDICT $KIND bad
  rm /mnt/[0-9]*
  fstrim /mnt && echo TRIMMED $KIND
  umount /mnt
  blkdiscard -o 1048576 -l 1048576 /dev/$DISK && echo DISCARDED $KIND
}

read_disc() {
  echo DISC $1 $(dd if=/dev/$1 bs=2048 count=${discSectors} 2> /dev/null | md5sum)
  mount -t iso9660 -o ro /dev/$1 /mnt && echo FILES $1 $(ls /mnt)
  umount /mnt
}

see_disk() {
  until [ -n "$(find_disk ${PLUGGED_MIB})" ]; do sleep 1; done
  NAME=$(find_disk ${PLUGGED_MIB})
  sleep 1
  mdev -s
  echo FOUND $1 $(dd if=/dev/$NAME bs=512 count=8 2> /dev/null | md5sum)
  echo REMOVABLE $1 $(cat /sys/block/$NAME/removable)
  echo PLUGGED $1
  while [ -e /sys/block/$NAME ]; do sleep 1; done
  echo GONE $1
}

sleep 1
mdev -s
ls /sys/block
dd if=/dev/urandom of=/tmp.bin bs=1M count=1 2> /dev/null
${tries}
grep -i "virtio\\|nvme\\|ahci\\|ata" /proc/interrupts
read_disc sr0
read_disc sr1
echo READY
see_disk ahci
see_disk virtio-scsi
echo END
poweroff -f
`;

const diskOf = (sizeBytes: number, fill = 0): Promise<BlockDevice> =>
  RawDisk.open(new MemoryStore(new Uint8Array(sizeBytes).fill(fill)), { readOnly: false });
const md5 = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("hex");

async function bootWithEverything(discSectors: number): Promise<Guest> {
  const disks = kinds.map(async (kind) => ({
    name: kind,
    blocks: await diskOf(sizeMiB(kind) * MiB),
    interface: kind,
    serialNumber: `TRIED-${kind}`.slice(0, 20),
    solidState: true,
  }));
  return await bootGuest({
    ...diskGuest(script(discSectors), "disks"),
    commandLine: "console=ttyS0 cryptomgr.notests panic=1",
    memoryMiB: 512,
    disks: await Promise.all(disks),
    opticals: [
      { path: rescue(), interface: "ahci" },
      { path: rescue(), interface: "virtio-scsi" },
    ],
  });
}

function expectKept(serial: string): void {
  for (const kind of kinds) {
    expect(serial).toMatch(new RegExp(`^VERDICT ${kind} good`, "m"));
    expect(serial).toMatch(new RegExp(`^TRIMMED ${kind}`, "m"));
    expect(serial).toMatch(new RegExp(`^DISCARDED ${kind}`, "m"));
    if (kind !== "virtio-blk") expect(serial).toMatch(new RegExp(`^ROTATIONAL ${kind} 0`, "m"));
  }
  for (const kind of ["virtio-blk", "nvme"]) expect(serial).toMatch(new RegExp(`^SERIAL ${kind} TRIED-${kind}`, "m"));
}

test.skipIf(unavailable !== undefined)(
  `Linux keeps its files on a disk of each controller, reads discs, and sees disks come and go${note}`,
  { timeout: 10 * MINUTE + kinds.length * DISK_MS },
  async () => {
    const disc = readFileSync(rescue());
    const discSectors = Math.floor(disc.length / 2048);
    using guest = await bootWithEverything(discSectors);
    for (const kind of kinds) {
      await guest.waitForSerial(
        new RegExp(`^(VERDICT ${kind} bad|VERDICT ${kind} no.*|DISCARDED ${kind})`, "m"),
        DISK_MS,
      );
    }
    await guest.waitForSerial(/^READY/m, 3 * MINUTE);
    expectKept(guest.serial);
    const discMd5 = md5(disc.subarray(0, discSectors * 2048));
    for (const name of ["sr0", "sr1"]) {
      expect(guest.serial).toContain(`DISC ${name} ${discMd5}`);
      expect(guest.serial).toMatch(new RegExp(`^FILES ${name} .*boot`, "m"));
    }
    expect(guest.serial).not.toMatch(trouble);
    const { machine } = guest;
    for (const [kind, fill] of [
      ["ahci", 0x5d],
      ["virtio-scsi", 0x6e],
    ] as const) {
      const blocks = await diskOf(PLUGGED_MIB * MiB, fill);
      const slot = machine.attachDisk({ name: "plugged", blocks, interface: kind, removable: true });
      await guest.waitForSerial(new RegExp(`^PLUGGED ${kind}`, "m"), MINUTE);
      expect(guest.serial).toContain(`FOUND ${kind} ${md5(new Uint8Array(4096).fill(fill))}`);
      expect(guest.serial).toContain(`REMOVABLE ${kind} 1`);
      await machine.detachDisk(slot);
      await guest.waitForSerial(new RegExp(`^GONE ${kind}`, "m"), MINUTE);
    }
    await guest.waitForSerial(/^END/m, MINUTE);
    const again = { name: "nvme", blocks: machine.disks[0]!.blocks, interface: "ide" } as const;
    expect(() => machine.attachDisk(again)).toThrow(/while the machine is off/);
  },
);

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
