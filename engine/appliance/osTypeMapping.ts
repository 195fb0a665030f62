/**
 * What guest systems are called elsewhere: the numbers of CIM_OperatingSystem.OSType (DSP0004's schema, as OVF uses them), VirtualBox's ids and
 * VMware's `guestOS`. Both ways: from any of these words to our catalogue, and from our catalogue to the nearest word of each.
 */
interface Names {
  readonly cim: number;
  readonly virtualBox: string;
  readonly vmware: string;
}

/** Our ids; where others have no word of their own, the nearest. */
const names: Readonly<Record<string, Names>> = {
  debian64: { cim: 96, virtualBox: "Debian_64", vmware: "debian11-64" },
  debian32: { cim: 95, virtualBox: "Debian", vmware: "debian11" },
  ubuntu64: { cim: 94, virtualBox: "Ubuntu_64", vmware: "ubuntu-64" },
  ubuntu32: { cim: 93, virtualBox: "Ubuntu", vmware: "ubuntu" },
  fedora64: { cim: 101, virtualBox: "Fedora_64", vmware: "fedora-64" },
  alpine64: { cim: 101, virtualBox: "Linux_64", vmware: "other4xLinux-64" },
  alpine32: { cim: 36, virtualBox: "Linux", vmware: "other4xLinux" },
  arch64: { cim: 101, virtualBox: "ArchLinux_64", vmware: "other5xLinux-64" },
  tinycore32: { cim: 36, virtualBox: "Linux", vmware: "otherLinux" },
  openwrt64: { cim: 101, virtualBox: "Linux_64", vmware: "otherLinux-64" },
  linux64: { cim: 101, virtualBox: "Linux_64", vmware: "otherLinux-64" },
  linux32: { cim: 36, virtualBox: "Linux", vmware: "otherLinux" },
  freedos: { cim: 14, virtualBox: "DOS", vmware: "dos" },
  msdos: { cim: 14, virtualBox: "DOS", vmware: "dos" },
  dos: { cim: 14, virtualBox: "DOS", vmware: "dos" },
  windows3: { cim: 15, virtualBox: "Windows31", vmware: "win31" },
  windows95: { cim: 16, virtualBox: "Windows95", vmware: "win95" },
  windows98: { cim: 17, virtualBox: "Windows98", vmware: "win98" },
  windowsMe: { cim: 63, virtualBox: "WindowsMe", vmware: "winMe" },
  windowsNt4: { cim: 18, virtualBox: "WindowsNT4", vmware: "winNT" },
  windows2000: { cim: 58, virtualBox: "Windows2000", vmware: "win2000Pro" },
  windowsXp: { cim: 67, virtualBox: "WindowsXP", vmware: "winXPPro" },
  reactos: { cim: 1, virtualBox: "WindowsNT", vmware: "winXPPro" },
  freebsd64: { cim: 78, virtualBox: "FreeBSD_64", vmware: "freebsd-64" },
  freebsd32: { cim: 42, virtualBox: "FreeBSD", vmware: "freebsd" },
  netbsd64: { cim: 43, virtualBox: "NetBSD_64", vmware: "other-64" },
  netbsd32: { cim: 43, virtualBox: "NetBSD", vmware: "other" },
  openbsd64: { cim: 65, virtualBox: "OpenBSD_64", vmware: "other-64" },
  openbsd32: { cim: 65, virtualBox: "OpenBSD", vmware: "other" },
  haiku32: { cim: 53, virtualBox: "Haiku", vmware: "other" },
  haiku64: { cim: 102, virtualBox: "Haiku_64", vmware: "other-64" },
  kolibri: { cim: 1, virtualBox: "Other", vmware: "other" },
  minix: { cim: 1, virtualBox: "Other", vmware: "other" },
  plan9: { cim: 1, virtualBox: "Other", vmware: "other" },
  os2: { cim: 12, virtualBox: "OS2", vmware: "os2" },
  other64: { cim: 102, virtualBox: "Other_64", vmware: "other-64" },
  other: { cim: 1, virtualBox: "Other", vmware: "other" },
};

export function foreignOsNames(osType: string): Names {
  return (Object.hasOwn(names, osType) ? names[osType] : undefined) ?? names.other!;
}

/** What VMware's OVF tools call a system whose `guestOS` is this. */
export function vmwareGuestId(guestOs: string): string {
  if (guestOs === "other-64") return "otherGuest64";
  return `${/^debian/.test(guestOs) ? guestOs.replace("-", "_") : guestOs.replace("-", "")}Guest`;
}

/** CIM's numbers that are no system of ours by name. Several systems may share a number: the plainest is meant. */
const byCim: Readonly<Record<number, string>> = {
  1: "other",
  12: "os2",
  14: "dos",
  15: "windows3",
  16: "windows95",
  17: "windows98",
  18: "windowsNt4",
  36: "linux32",
  41: "freebsd32",
  42: "freebsd32",
  43: "netbsd32",
  53: "haiku32",
  58: "windows2000",
  63: "windowsMe",
  65: "openbsd32",
  67: "windowsXp",
  78: "freebsd64",
  79: "linux32",
  80: "linux64",
  82: "linux32",
  83: "linux64",
  84: "linux32",
  85: "linux64",
  89: "linux32",
  90: "linux64",
  91: "linux32",
  92: "linux64",
  93: "ubuntu32",
  94: "ubuntu64",
  95: "debian32",
  96: "debian64",
  97: "linux32",
  98: "linux64",
  99: "linux32",
  100: "linux64",
  101: "linux64",
  102: "other64",
  106: "linux32",
  107: "linux64",
  108: "linux32",
  109: "linux64",
  110: "os2",
};

export function osTypeOfCim(number: number): string | undefined {
  return byCim[number];
}

/** Families of words that VirtualBox and VMware share closely enough; versions inside the words do not matter. `*` is 32 or 64. */
const patterns: readonly (readonly [pattern: RegExp, id: string])[] = [
  [/^debian/, "debian*"],
  [/^[xkl]?ubuntu/, "ubuntu*"],
  [/^(fedora|red_?hat|rhel|centos|oracle|rocky|alma)/, "fedora64|linux32"],
  [/^arch/, "arch64|linux32"],
  [/^alpine/, "alpine*"],
  [/^freebsd/, "freebsd*"],
  [/^netbsd/, "netbsd*"],
  [/^openbsd/, "openbsd*"],
  [/^haiku/, "haiku*"],
  [/^(win(dows)?xp)/, "windowsXp"],
  [/^(win(dows)?2000|win2k)/, "windows2000"],
  [/^(win(dows)?me)$/, "windowsMe"],
  [/^(win(dows)?98)/, "windows98"],
  [/^(win(dows)?95)/, "windows95"],
  [/^(win(dows)?3)/, "windows3"],
  [/^(win(dows)?nt)/, "windowsNt4"],
  [/^os2|^ecs/, "os2"],
  [/^(dos|msdos)/, "dos"],
  [/(linux|suse|sles|mandriva|mandrake|gentoo|turbolinux|vmkernel|coreos|photon|asianux)/, "linux*"],
  [/^win/, "other64|other"],
  [/^other/, "other64|other"],
];

/** From an id of VirtualBox ("Ubuntu_64") or VMware ("ubuntu-64", "ubuntu64Guest"); undefined for words of neither. */
export function osTypeOfForeignName(word: string): string | undefined {
  const folded = word
    .trim()
    .toLowerCase()
    .replace(/guest$/, "");
  const wide = /(_|-)?(x64|64)$|_64|64$/.test(folded) || /_arm64$/.test(folded);
  const found = patterns.find(([pattern]) => pattern.test(folded))?.[1];
  if (found === undefined) return undefined;
  const [first, second] = found.split("|");
  if (second !== undefined) return wide ? first : second;
  return found.replace("*", wide ? "64" : "32");
}
