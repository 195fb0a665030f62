import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { debianFile, debianKernelPackage } from "./debianGuests.ts";

/**
 * A small Linux that tries out its disks: Debian's kernel, the modules of the controllers, a static busybox and one script, packed into
 * an initrd here. The script partitions the disk, makes a file system, writes, verifies and says its verdict on the serial line.
 */
const moduleOrder = [
  "crypto/crct10dif_common",
  "crypto/crct10dif_generic",
  "lib/crc-t10dif",
  "lib/crc64",
  "crypto/crc64_rocksoft_generic",
  "lib/crc64-rocksoft",
  "block/t10-pi",
  "drivers/virtio/virtio_ring",
  "drivers/virtio/virtio",
  "drivers/virtio/virtio_pci_modern_dev",
  "drivers/virtio/virtio_pci_legacy_dev",
  "drivers/virtio/virtio_pci",
  "drivers/block/virtio_blk",
  "drivers/char/hw_random/rng-core",
  "drivers/char/hw_random/virtio-rng",
  "drivers/scsi/scsi_common",
  "drivers/scsi/scsi_mod",
  "drivers/scsi/sd_mod",
  "drivers/cdrom/cdrom",
  "drivers/scsi/sr_mod",
  "drivers/scsi/virtio_scsi",
  "drivers/ata/libata",
  "drivers/ata/ata_piix",
  "drivers/ata/libahci",
  "drivers/ata/ahci",
  "drivers/nvme/host/nvme-core",
  "drivers/nvme/host/nvme",
  "lib/crc16",
  "crypto/crc32c_generic",
  "lib/libcrc32c",
  "fs/mbcache",
  "fs/jbd2/jbd2",
  "fs/ext4/ext4",
  "fs/isofs/isofs",
];

interface Entry {
  readonly path: string;
  readonly mode: number;
  readonly bytes: Uint8Array;
}

/** The "newc" format of cpio, which the kernel unpacks. */
function cpio(entries: readonly Entry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const pad = (length: number) => new Uint8Array((4 - (length % 4)) % 4);
  const put = ({ path, mode, bytes }: Entry, inode: number) => {
    const name = Buffer.from(`${path}\0`);
    const fields = [inode, mode, 0, 0, 1, 0, bytes.length, 0, 0, 0, 0, name.length, 0];
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`;
    parts.push(Buffer.from(header), name, pad(header.length + name.length), bytes, pad(bytes.length));
  };
  entries.forEach((entry, index) => {
    put(entry, index + 1);
  });
  put({ path: "TRAILER!!!", mode: 0, bytes: new Uint8Array() }, 0);
  return Buffer.concat(parts);
}

const DIRECTORY = 0o040755;
const PROGRAM = 0o100755;

/** The kernel, and an initrd whose `/init` is `script`, with the modules that are `wanted`, or all. */
export function diskGuest(script: string, name: string, wanted = /./): { kernel: string; initrd: string } {
  const packageName = debianKernelPackage();
  const boot = dirname(debianFile(packageName, "boot"));
  const version = packageName.replace("linux-image-", "");
  const kernel = join(boot, "boot", `vmlinuz-${version}`);
  const modules = join(boot, "lib", "modules", version, "kernel");
  const none = new Uint8Array();
  const entries: Entry[] = ["bin", "dev", "proc", "sys", "mnt", "modules"].map((path) => ({
    path,
    mode: DIRECTORY,
    bytes: none,
  }));
  entries.push({
    path: "bin/busybox",
    mode: PROGRAM,
    bytes: readFileSync(debianFile("busybox-static", "bin/busybox")),
  });
  const loads: string[] = [];
  for (const module of moduleOrder) {
    const file = join(modules, `${module}.ko`);
    if (!existsSync(file) || !wanted.test(module)) continue;
    const short = `modules/${module.replaceAll("/", "_")}.ko`;
    entries.push({ path: short, mode: PROGRAM, bytes: readFileSync(file) });
    loads.push(`insmod /${short}`);
  }
  const init = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
${loads.join("\n")}
${script}
`;
  entries.push({ path: "init", mode: PROGRAM, bytes: Buffer.from(init) });
  const initrd = join(boot, `${name}.cpio`);
  writeFileSync(initrd, cpio(entries));
  return { kernel, initrd };
}
