/**
 * The catalogue of guest systems. Memory and disk are what the systems' own makers recommend, kept small where an
 * interpreted machine is better served by less. Order is the order of the wizard's list; guessing takes the first match, so
 * special names stand before general ones.
 */
import type { OsFamily, OsType } from "./OsType.ts";

type Row = readonly [
  id: string,
  name: string,
  bits: 16 | 32 | 64,
  memoryMiB: number,
  memoryMinimumMiB: number,
  diskMiB: number,
  imagePatterns: readonly string[],
];

function family(kind: OsFamily, rows: readonly Row[]): OsType[] {
  const floppyFirst = kind === "dos" || kind === "windows" || kind === "other";
  return rows.map(([id, name, bits, memoryMiB, memoryMinimumMiB, diskMiB, imagePatterns]) => ({
    id,
    name,
    family: kind,
    bits,
    memoryMiB,
    memoryMinimumMiB,
    diskMiB,
    floppyDrive: floppyFirst,
    bootOrder: floppyFirst ? ["floppy", "cdrom", "disk"] : ["cdrom", "disk", "floppy"],
    rtcUtc: kind === "linux" || kind === "bsd",
    imagePatterns: [...imagePatterns],
  }));
}

const dos = family("dos", [
  ["freedos", "FreeDOS", 16, 32, 1, 512, ["free[-_ ]?dos", "^fd1[0-9]"]],
  ["msdos", "MS-DOS", 16, 16, 1, 512, ["ms[-_ ]?dos", "dos ?[3-7]"]],
  ["dos", "Other DOS", 16, 16, 1, 512, ["pc[-_ ]?dos", "dr[-_ ]?dos"]],
]);

const windows = family("windows", [
  ["windows3", "Windows 3.x", 16, 16, 4, 512, ["win(dows)?[-_ ]?3"]],
  ["windows95", "Windows 95", 32, 64, 8, 2048, ["win(dows)?[-_ ]?95"]],
  ["windows98", "Windows 98", 32, 128, 24, 4096, ["win(dows)?[-_ ]?98"]],
  ["windowsMe", "Windows Me", 32, 128, 32, 4096, ["win(dows)?[-_ ]?me\\b"]],
  ["windowsNt4", "Windows NT 4", 32, 128, 16, 4096, ["win(dows)?[-_ ]?nt", "\\bnt[-_ ]?4"]],
  ["windows2000", "Windows 2000", 32, 256, 64, 8192, ["win(dows)?[-_ ]?(2000|2k)"]],
  ["windowsXp", "Windows XP (32-bit)", 32, 512, 128, 16384, ["win(dows)?[-_ ]?xp"]],
  ["reactos", "ReactOS", 32, 256, 96, 4096, ["react[-_ ]?os"]],
]);

const linux = family("linux", [
  ["debian64", "Debian (64-bit)", 64, 1024, 512, 20480, ["debian.*(amd64|x86_64)"]],
  ["debian32", "Debian (32-bit)", 32, 512, 256, 20480, ["debian"]],
  ["ubuntu64", "Ubuntu (64-bit)", 64, 2048, 1024, 25600, ["(x|k|l)?ubuntu.*(amd64|x86_64)"]],
  ["ubuntu32", "Ubuntu (32-bit)", 32, 1024, 512, 20480, ["(x|k|l)?ubuntu"]],
  ["fedora64", "Fedora (64-bit)", 64, 2048, 1024, 20480, ["fedora", "centos", "rhel", "rocky", "alma"]],
  ["alpine64", "Alpine Linux (64-bit)", 64, 256, 128, 4096, ["alpine.*x86_64"]],
  ["alpine32", "Alpine Linux (32-bit)", 32, 256, 128, 4096, ["alpine"]],
  ["arch64", "Arch Linux (64-bit)", 64, 1024, 512, 20480, ["arch[-_ ]?linux"]],
  ["tinycore32", "Tiny Core Linux", 32, 128, 48, 1024, ["tiny[-_ ]?core", "^core-"]],
  ["openwrt64", "OpenWrt (64-bit)", 64, 256, 128, 512, ["openwrt.*(x86[-_]64|amd64)"]],
  ["linux64", "Other Linux (64-bit)", 64, 512, 64, 8192, ["linux.*(amd64|x86_64)", "(amd64|x86_64).*linux"]],
  ["linux32", "Other Linux (32-bit)", 32, 256, 32, 8192, ["linux", "grml", "damn small", "slax", "puppy"]],
]);

const bsd = family("bsd", [
  ["freebsd64", "FreeBSD (64-bit)", 64, 512, 256, 16384, ["freebsd.*amd64"]],
  ["freebsd32", "FreeBSD (32-bit)", 32, 256, 128, 8192, ["freebsd"]],
  ["netbsd64", "NetBSD (64-bit)", 64, 256, 64, 8192, ["netbsd.*amd64"]],
  ["netbsd32", "NetBSD (32-bit)", 32, 128, 32, 8192, ["netbsd"]],
  ["openbsd64", "OpenBSD (64-bit)", 64, 512, 128, 16384, ["openbsd.*amd64"]],
  ["openbsd32", "OpenBSD (32-bit)", 32, 256, 64, 8192, ["openbsd"]],
]);

const other = family("other", [
  ["haiku32", "Haiku (32-bit)", 32, 512, 384, 8192, ["haiku.*(x86_gcc2|32)"]],
  ["haiku64", "Haiku (64-bit)", 64, 512, 384, 8192, ["haiku"]],
  ["kolibri", "KolibriOS", 32, 128, 16, 0, ["kolibri"]],
  ["minix", "MINIX", 32, 256, 32, 4096, ["minix"]],
  ["plan9", "Plan 9", 32, 256, 64, 4096, ["plan[-_ ]?9", "9front"]],
  ["os2", "OS/2", 32, 128, 16, 2048, ["os[-_ ]?2", "ecomstation", "arcaos"]],
  ["other64", "Other (64-bit)", 64, 512, 16, 4096, []],
  ["other", "Other", 32, 128, 1, 2048, []],
]);

export const osTypes: readonly OsType[] = [...linux, ...dos, ...windows, ...bsd, ...other];

/** The catalogue's entry, or "other" for an id it does not know. */
export function osTypeById(id: string): OsType {
  return osTypes.find((type) => type.id === id) ?? osTypes[osTypes.length - 1]!;
}

/** The first system whose patterns match an image's file name. */
export function guessOsType(fileName: string): OsType | undefined {
  return osTypes.find((type) => type.imagePatterns.some((pattern) => new RegExp(pattern, "i").test(fileName)));
}
