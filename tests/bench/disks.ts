/**
 * Sequential reading and writing of disks in MiB a second, by controller, next to QEMU's own translator with the same kernel, initrd and images:
 * `node tests/bench/disks.ts [MiB] [rounds]`. Debian's kernel runs busybox's dd on a raw image; each engine has its turn in each round, the best
 * round counts. Times are the host's, from mark to mark on the serial line. Without QEMU only our figures are shown.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MiB } from "../../engine/base/units.ts";
import type { BlockDevice } from "../../engine/contracts/BlockDevice.ts";
import { FileStore } from "../../engine/host/FileStore.ts";
import type { DiskInterface } from "../../engine/machine/MachineOptions.ts";
import { RawDisk } from "../../engine/storage/formats/raw/RawDisk.ts";
import { bootGuest } from "../guests/bootGuest.ts";
import { guestsUnavailable } from "../guests/debianGuests.ts";
import { diskGuest } from "../guests/diskGuest.ts";

const MEMORY_MIB = 512;
const GUEST_MS = 15 * 60_000;
const COMMAND_LINE = "console=ttyS0 cryptomgr.notests panic=1";
const sizeMiB = Number(process.argv[2] ?? 128);
const rounds = Number(process.argv[3] ?? 3);

const kinds = ["virtio-blk", "ahci", "ide"] as const satisfies readonly DiskInterface[];
type Kind = (typeof kinds)[number];
/** Disks are told apart by their sizes, whatever the kernel names them. */
const imageMiB = (kind: Kind): number => sizeMiB + 1 + kinds.indexOf(kind);

const script = `
find_disk() { for d in /sys/block/*; do [ $(cat $d/size) = $(($1 * 2048)) ] && echo \${d##*/}; done; }
try_disk() {
  DISK=/dev/$(find_disk $2)
  echo 3 > /proc/sys/vm/drop_caches
  echo BEGIN $1 write; dd if=/dev/zero of=$DISK bs=1M count=${sizeMiB} conv=fsync 2> /dev/null; echo END $1 write
  echo 3 > /proc/sys/vm/drop_caches
  blockdev --flushbufs $DISK
  echo BEGIN $1 read; dd if=$DISK of=/dev/null bs=1M count=${sizeMiB} 2> /dev/null; echo END $1 read
}
sleep 1
mdev -s
${kinds.map((kind) => `try_disk ${kind} ${imageMiB(kind)}`).join("\n")}
echo DONE
poweroff -f
`;

/** MiB a second by "virtio-blk write" and the like, from what a guest says and when. */
class Stopwatch {
  readonly figures = new Map<string, number>();
  #text = "";
  #begun = 0;
  done = false;

  hear(text: string): void {
    this.#text += text;
    for (let end = this.#text.indexOf("\n"); end >= 0; end = this.#text.indexOf("\n")) {
      this.#line(this.#text.slice(0, end).trim());
      this.#text = this.#text.slice(end + 1);
    }
  }

  #line(line: string): void {
    const [, mark, what] = /^(BEGIN|END) (\S+ \w+)$/.exec(line) ?? [];
    if (mark === "BEGIN") this.#begun = performance.now();
    if (mark === "END") this.figures.set(what!, (sizeMiB * 1000) / (performance.now() - this.#begun));
    if (line === "DONE") this.done = true;
  }
}

async function runOurs(
  images: ReadonlyMap<Kind, string>,
  media: { kernel: string; initrd: string },
): Promise<Stopwatch> {
  const watch = new Stopwatch();
  const opened: BlockDevice[] = [];
  const disks = [];
  for (const [kind, path] of images) {
    const blocks = await RawDisk.open(await FileStore.open(path, "write"), { readOnly: false });
    opened.push(blocks);
    disks.push({ name: kind, blocks, interface: kind });
  }
  using guest = await bootGuest({ ...media, commandLine: COMMAND_LINE, memoryMiB: MEMORY_MIB, disks });
  guest.machine.serialOutput.subscribe(({ index, byte }) => {
    if (index === 0) watch.hear(String.fromCharCode(byte));
  });
  await guest.waitFor("the end of the trial", () => watch.done, GUEST_MS, true);
  guest.powerOff();
  for (const blocks of opened) await blocks.close();
  return watch;
}

async function runQemu(
  images: ReadonlyMap<Kind, string>,
  media: { kernel: string; initrd: string },
): Promise<Stopwatch> {
  const watch = new Stopwatch();
  const plugs: Record<Kind, string[]> = {
    "virtio-blk": ["-device", "virtio-blk-pci,drive=virtio-blk"],
    ahci: ["-device", "ich9-ahci,id=sata", "-device", "ide-hd,drive=ahci,bus=sata.0"],
    ide: ["-device", "ide-hd,drive=ide,bus=ide.0"],
  };
  const drives = [...images].flatMap(([kind, path]) => [
    "-drive",
    `file=${path},format=raw,if=none,id=${kind},cache=writeback`,
    ...plugs[kind],
  ]);
  const machine = [
    "-machine",
    "pc",
    "-accel",
    "tcg",
    "-smp",
    "1",
    "-m",
    String(MEMORY_MIB),
    "-nodefaults",
    "-no-reboot",
  ];
  const face = ["-display", "none", "-serial", "stdio"];
  const kernel = ["-kernel", media.kernel, "-initrd", media.initrd, "-append", COMMAND_LINE];
  const child = spawn("qemu-system-x86_64", [...machine, ...face, ...kernel, ...drives], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  child.stdout.setEncoding("latin1").on("data", (text: string) => watch.hear(text));
  const limit = setTimeout(() => child.kill("SIGKILL"), GUEST_MS);
  await new Promise((resolve) => child.on("close", resolve));
  clearTimeout(limit);
  if (!watch.done) throw new Error("QEMU's guest did not get to the end.");
  return watch;
}

function keepBest(best: Map<string, number>, { figures }: Stopwatch): void {
  for (const [what, value] of figures) best.set(what, Math.max(best.get(what) ?? 0, value));
}

const reason = guestsUnavailable();
if (reason !== undefined) {
  console.log(`Disks are not measured: ${reason}.`);
  process.exit(0);
}
const hasQemu = spawnSync("qemu-system-x86_64", ["--version"]).status === 0;
const folder = mkdtempSync(join(tmpdir(), "guesthouse-bench-"));
try {
  const media = diskGuest(script, "bench-disks");
  const images = new Map<Kind, string>();
  for (const kind of kinds) {
    const path = join(folder, `${kind}.img`);
    writeFileSync(path, "");
    truncateSync(path, imageMiB(kind) * MiB);
    images.set(kind, path);
  }
  const ours = new Map<string, number>();
  const theirs = new Map<string, number>();
  for (let round = 0; round < rounds; round++) {
    keepBest(ours, await runOurs(images, media));
    if (hasQemu) keepBest(theirs, await runQemu(images, media));
  }
  console.log(`sequential, ${sizeMiB} MiB, best of ${rounds}, in MiB a second`);
  for (const [what, value] of ours) {
    const other = theirs.get(what);
    const compared =
      other === undefined ? "" : `  QEMU TCG ${other.toFixed(1).padStart(8)}  ratio ${(value / other).toFixed(2)}`;
    console.log(`${what.padEnd(16)} ours ${value.toFixed(1).padStart(8)}${compared}`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
process.exit(0);
