import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { MiB } from "../../engine/base/units.ts";
import type { BlockDevice } from "../../engine/contracts/BlockDevice.ts";
import { RawDisk } from "../../engine/storage/formats/raw/RawDisk.ts";
import { MemoryStore } from "../../engine/storage/stores/MemoryStore.ts";
import { restorable, wholeState } from "../fixtures/SteadyMachine.ts";
import { bootGuest, type Guest, makeGuest } from "./bootGuest.ts";
import { guestsUnavailable } from "./debianGuests.ts";
import { diskGuest } from "./diskGuest.ts";

/**
 * Debian's kernel with disks that come into PCI slots and leave them while it runs, as its own ACPI driver does it: those that were there at power-on
 * and those that came, before and after the machine was saved. AHCI and SCSI are in `disks.test.ts`.
 */
const unavailable = guestsUnavailable();
const note = unavailable === undefined ? "" : `: ${unavailable}`;
const MINUTE = 60_000;
const trouble = /Oops|BUG:|Call Trace|I\/O error|timeout|Eject failed|cannot enable/i;

const script = `
# The disk of so many MiB.
disk() { for d in /sys/block/*; do [ $(cat $d/size) = $(($1 * 2048)) ] && echo \${d##*/}; done; }
await() { until [ -n "$(disk $1)" ]; do usleep 100000; done; }
sum() { echo 3 > /proc/sys/vm/drop_caches; echo SUM $1 $(md5sum < /dev/$(disk $1)); }
write() { dd if=/dev/zero bs=64k count=8 2> /dev/null | tr '\\0' $2 | dd of=/dev/$(disk $1) conv=fsync bs=64k 2> /dev/null; }
echo READY
while read line; do eval "$line"; done
`;

async function filled(sizeMiB: number, fill: number): Promise<{ blocks: BlockDevice; bytes: Uint8Array }> {
  const bytes = new Uint8Array(sizeMiB * MiB).fill(fill);
  return { blocks: await RawDisk.open(new MemoryStore(bytes), { readOnly: false }), bytes };
}

const md5 = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("hex");

/** Types a line and waits for what it says and its end. */
function shell(guest: Guest): (line: string) => Promise<string> {
  let lines = 0;
  return async (line) => {
    const mark = `${++lines}`;
    const from = guest.serial.length;
    guest.machine.sendSerial(0, Buffer.from(`${line}; echo DO''NE-${mark}\n`));
    await guest.waitFor(`the end of ${line}`, () => guest.serial.includes(`DONE-${mark}\r`, from), MINUTE);
    return guest.serial.slice(from);
  };
}

test.skipIf(unavailable !== undefined)(
  `Linux gets disks in PCI slots, uses them, gives them up, and keeps them through a saved state${note}`,
  { timeout: 8 * MINUTE },
  async () => {
    const [first, second] = [await filled(2, 0x31), await filled(3, 0x32)];
    const [third, fourth] = [await filled(4, 0x33), await filled(5, 0x34)];
    const media = {
      ...diskGuest(script, "hotPlug", /virtio|nvme|t10|crc64|crct10|rng-core/),
      commandLine: "console=ttyS0 cryptomgr.notests panic=1 quiet",
      memoryMiB: 96,
    };
    using guest = await bootGuest({
      ...media,
      disks: [
        { name: "first", blocks: first.blocks, interface: "virtio-blk" },
        { name: "second", blocks: second.blocks, interface: "nvme" },
      ],
    });
    const { machine } = guest;
    await guest.waitForSerial(/^READY/m, 4 * MINUTE);
    const run = shell(guest);
    expect(machine.attachDisk({ name: "third", blocks: third.blocks, interface: "virtio-blk" })).toBe(2);
    expect(machine.attachDisk({ name: "fourth", blocks: fourth.blocks, interface: "nvme" })).toBe(3);
    await run("await 4; await 5");
    expect(await run("sum 4; sum 5")).toMatch(new RegExp(`SUM 4 ${md5(third.bytes)}[^]*SUM 5 ${md5(fourth.bytes)}`));
    await run("write 4 x; write 5 y");
    expect([third.bytes[524_287], third.bytes[524_288], fourth.bytes[0]]).toEqual([0x78, 0x33, 0x79]);

    expect(await machine.detachDisk(0)).toMatchObject({ name: "first" });
    expect(await run("cat /proc/partitions")).not.toMatch(/ 2048 /);
    expect(machine.disks.map(({ port }) => port)).toEqual([9, 10, 11]);

    machine.pause();
    const state = wholeState(machine.captureState("plugged"));
    const { disks, entropyDevice } = machine;
    guest.powerOff();
    expect(entropyDevice).toBe(undefined);
    using again = await makeGuest({ ...media, disks });
    expect(again.machine.hardware).toEqual(machine.hardware);
    await again.machine.restoreState(restorable(state));
    again.machine.resume();
    const runAgain = shell(again);
    await runAgain("write 4 z; write 3 w");
    expect(await runAgain("sum 4; sum 3; sum 5")).toMatch(
      new RegExp(`SUM 4 ${md5(third.bytes)}[^]*SUM 3 ${md5(second.bytes)}[^]*SUM 5 ${md5(fourth.bytes)}`),
    );
    expect([third.bytes[0], second.bytes[0]]).toEqual([0x7a, 0x77]);
    for (const name of ["second", "third", "fourth"]) {
      expect(await again.machine.detachDisk(0)).toMatchObject({ name });
    }
    expect(await runAgain("ls /sys/block; ls /sys/bus/pci/devices")).not.toMatch(/vd[a-z]|nvme|00:0[89a-f]/);
    again.machine.attachDisk({ name: "first", blocks: first.blocks, interface: "nvme" });
    expect(await runAgain("await 2; sum 2")).toContain(`SUM 2 ${md5(first.bytes)}`);
    expect(guest.serial + again.serial).not.toMatch(trouble);
    await again.machine.detachDisk(0, true);
    expect(await runAgain('cat /proc/partitions; while [ -n "$(disk 2)" ]; do usleep 100000; done')).toMatch(/DONE/);
  },
);
