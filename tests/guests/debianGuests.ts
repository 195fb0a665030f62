import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * Guests that other people made, taken from Debian's own packages with `apt-get download` and kept outside of the
 * repository. Nothing here is installed, and nothing of it is ever part of the project.
 */
/** GUESTHOUSE_THOROUGH=1: also what takes minutes and differs little from what is tried anyway. */
export const thorough = process.env.GUESTHOUSE_THOROUGH === "1";
const cache = process.env.GUESTHOUSE_GUESTS ?? join(homedir(), ".cache", "guesthouse-guests");

function run(command: string, args: string[], cwd = cache): string {
  return execFileSync(command, args, { cwd, encoding: "latin1", stdio: ["ignore", "pipe", "pipe"] });
}

/** Why Debian guests cannot be had here, or undefined when they can. */
export function guestsUnavailable(): string | undefined {
  try {
    execFileSync("apt-get", ["--version"], { stdio: "ignore" });
    execFileSync("dpkg-deb", ["--version"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "Debian's apt-get and dpkg-deb are not on this machine";
  }
}

/** Path of one file out of a Debian package (for example "grub-rescue-pc", "usr/lib/grub-rescue/grub-rescue-floppy.img"). */
export function debianFile(packageName: string, path: string): string {
  const extracted = join(cache, packageName, path);
  if (existsSync(extracted)) return extracted;
  mkdirSync(cache, { recursive: true });
  const find = () => readdirSync(cache).find((name) => name.startsWith(`${packageName}_`) && name.endsWith(".deb"));
  if (find() === undefined) run("apt-get", ["download", "-q", packageName]);
  const partial = join(cache, `.${packageName}.${process.pid}`);
  run("dpkg-deb", ["--extract", find()!, partial]);
  rmSync(join(cache, packageName), { recursive: true, force: true });
  renameSync(partial, join(cache, packageName));
  return extracted;
}

/** The package of Debian's present kernel for amd64, with its modules. */
export function debianKernelPackage(): string {
  const folder = existsSync(cache) ? readdirSync(cache) : [];
  const known = folder.map((name) => /^(linux-image-[^_]*-amd64)_.*\.deb$/.exec(name)?.[1]).find(Boolean);
  if (known !== undefined) return known;
  mkdirSync(cache, { recursive: true });
  const depends = run("apt-cache", ["depends", "linux-image-amd64"]);
  return /Depends: (linux-image-\S+-amd64)/.exec(depends)![1]!;
}

const installerFolder = (architecture: string) =>
  `usr/lib/debian-installer/images/12/${architecture}/text/debian-installer/${architecture}`;

export function installerKernel(architecture: "i386" | "amd64"): { kernel: string; initrd: string } {
  const name = `debian-installer-12-netboot-${architecture}`;
  return {
    kernel: debianFile(name, `${installerFolder(architecture)}/linux`),
    initrd: debianFile(name, `${installerFolder(architecture)}/initrd.gz`),
  };
}

/** An El Torito CD that boots the installer's kernel through ISOLINUX, made here. Needs xorriso and isolinux. */
export function isolinuxIso(commandLine: string): string {
  const iso = join(cache, "made-isolinux.iso");
  const tree = freshTree("isolinux-tree");
  const { kernel, initrd } = installerKernel("i386");
  run("cp", [kernel, join(tree, "linux")]);
  run("cp", [initrd, join(tree, "initrd.gz")]);
  run("cp", ["/usr/lib/ISOLINUX/isolinux.bin", "/usr/lib/syslinux/modules/bios/ldlinux.c32", tree]);
  writeFileSync(
    join(tree, "isolinux.cfg"),
    `SERIAL 0 115200\nDEFAULT linux\nPROMPT 0\nLABEL linux\n  KERNEL linux\n  APPEND initrd=initrd.gz ${commandLine}\n`,
  );
  const boot = ["-b", "isolinux.bin", "-c", "boot.cat", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table"];
  run("xorriso", ["-as", "mkisofs", "-quiet", "-o", iso, ...boot, "-R", "-J", tree]);
  return iso;
}

/** The same through GRUB. Needs grub-pc-bin, grub-common, xorriso and mtools. */
export function grubIso(commandLine: string, architecture: "i386" | "amd64" = "i386"): string {
  const iso = join(cache, `made-grub-${architecture}.iso`);
  const tree = freshTree(`grub-tree-${architecture}`);
  const { kernel, initrd } = installerKernel(architecture);
  run("cp", [kernel, join(tree, "linux")]);
  run("cp", [initrd, join(tree, "initrd.gz")]);
  mkdirSync(join(tree, "boot", "grub"), { recursive: true });
  writeFileSync(
    join(tree, "boot", "grub", "grub.cfg"),
    `set timeout=0\nmenuentry linux {\n  linux /linux ${commandLine}\n  initrd /initrd.gz\n}\n`,
  );
  run("grub-mkrescue", ["-d", "/usr/lib/grub/i386-pc", "-o", iso, tree]);
  return iso;
}

/** Why a root disk of Debian cannot be made here, or undefined when it can. */
export function rootDiskUnavailable(): string | undefined {
  if (process.getuid?.() !== 0) return "making a root disk needs root";
  const missing = ["debootstrap", "mkfs.ext4"].filter((tool) => !existsSync(join("/usr/sbin", tool)));
  return missing.length === 0 ? undefined : `${missing.join(" and ")} not installed`;
}

const ROOT_PACKAGES = ["initramfs-tools", "kmod", "linux-image-amd64", "login", "procps", "systemd-sysv", "udev"];

/** A minimal Debian 12 for amd64 on a disk without partitions, user root with the password "root", and its own kernel and initrd. */
export function debianRootDisk(): { kernel: string; initrd: string; disk: string } {
  const folder = join(cache, "debian-root");
  const files = { kernel: join(folder, "vmlinuz"), initrd: join(folder, "initrd.img"), disk: join(folder, "disk.img") };
  if (Object.values(files).every((file) => existsSync(file))) return files;
  mkdirSync(cache, { recursive: true });
  const made = join(cache, `.debian-root.${process.pid}`);
  const root = join(made, "tree");
  mkdirSync(made);
  try {
    run("debootstrap", ["--variant=minbase", `--include=${ROOT_PACKAGES.join(",")}`, "bookworm", root]);
    run("chroot", [root, "sh", "-c", "echo root:root | chpasswd; systemctl -q enable serial-getty@ttyS0.service"]);
    rmSync(join(root, "var/cache/apt/archives"), { recursive: true, force: true });
    for (const name of ["vmlinuz", "initrd.img"]) run("cp", ["-L", join(root, name), join(made, name)]);
    run("truncate", ["-s", "1500M", join(made, "disk.img")]);
    run("mkfs.ext4", ["-q", "-d", root, join(made, "disk.img")]);
    rmSync(root, { recursive: true });
    rmSync(folder, { recursive: true, force: true });
    renameSync(made, folder);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
  return files;
}

function freshTree(name: string): string {
  const tree = join(cache, name);
  mkdirSync(cache, { recursive: true });
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(tree);
  return tree;
}
