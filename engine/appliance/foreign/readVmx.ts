/**
 * A machine as VMware keeps it: a `.vmx` file, lines of `key = "value"` with `|22` for characters that would end a value. Keys are told apart without
 * case. Disks' files are named relative to the file or whole. Encrypted machines are refused; snapshots stay behind.
 */
import type { ApplianceItem } from "../../api/applianceProtocol.ts";
import { applianceError } from "../applianceError.ts";
import { diskFormatOf } from "../diskFormatOf.ts";
import { emptyMachine, type MachineFacts, newTarget, plainItem } from "../MachineFacts.ts";
import { osTypeOfForeignName } from "../osTypeMapping.ts";
import { macOf } from "../ovf/describeItems.ts";
import { positive } from "./virtualBoxMachine.ts";

const LINES_MAX = 20_000;
const buses = { ide: "ide", sata: "sata", scsi: "scsi", nvme: "nvme" } as const;
type Bus = keyof typeof buses;

export type VmxSettings = ReadonlyMap<string, string>;

export function parseVmx(bytes: Uint8Array): VmxSettings {
  const plain = new TextDecoder("latin1").decode(bytes);
  const declared = /^\s*\.encoding\s*=\s*"([^"]+)"/m.exec(plain)?.[1] ?? "utf-8";
  const lines = decode(bytes, declared).split(/\r\n|\r|\n/);
  if (lines.length > LINES_MAX) throw applianceError("too-large", "The file has far too many lines.");
  const settings = new Map<string, string>();
  for (const line of lines) {
    const [, key, value] = /^\s*([A-Za-z0-9_.:-]+)\s*=\s*"(.*)"\s*$/.exec(line) ?? [];
    if (key === undefined || value === undefined) continue;
    settings.set(
      key.toLowerCase(),
      value.replace(/\|([0-9A-Fa-f]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    );
  }
  return settings;
}

/** Labels of encodings that the platform has no name for are read as Western European. */
function decode(bytes: Uint8Array, label: string): string {
  for (const candidate of [label, "windows-1252"]) {
    try {
      return new TextDecoder(candidate, { fatal: true }).decode(bytes);
    } catch {
      // The next one takes every byte.
    }
  }
  return new TextDecoder("latin1").decode(bytes);
}

export function readVmx(bytes: Uint8Array): MachineFacts {
  const settings = parseVmx(bytes);
  if (settings.has("encryption.keysafe")) throw applianceError("unsupported", "The machine is encrypted.");
  if (!settings.has("config.version") && !settings.has("virtualhw.version") && !settings.has("guestos")) {
    throw applianceError("not-recognized", "The file describes no VMware machine.");
  }
  const get = (key: string): string => settings.get(key) ?? "";
  const facts = emptyMachine(get("uuid.bios").replace(/[ -]/g, ""), get("displayname") || "Imported machine");
  facts.description = get("annotation");
  facts.foreignOsType = get("guestos");
  facts.osType = osTypeOfForeignName(get("guestos")) ?? "other";
  facts.cpus = positive(get("numvcpus")) ?? 1;
  facts.memoryMiB = positive(get("memsize")) ?? 0;
  facts.firmware = get("firmware").toLowerCase() === "efi" ? "efi" : "bios";
  facts.secureBoot = isTrue(get("uefi.secureboot.enabled"));
  facts.hardware = get("virtualhw.version") === "" ? "" : `vmx-${get("virtualhw.version").padStart(2, "0")}`;
  if (facts.osType === "other" && facts.foreignOsType !== "") {
    facts.notes.push({
      code: "os-type-unknown",
      message: `The system “${facts.foreignOsType}” is not in the catalogue.`,
    });
  }
  facts.items = [...controllers(settings), ...drives(settings), ...floppies(settings), ...others(settings)];
  return facts;
}

function isTrue(text: string): boolean {
  return /^(true|yes|1)$/i.test(text);
}

/** Controllers that are said to be present, and those that drives hang on. */
function controllers(settings: VmxSettings): ApplianceItem[] {
  const found = new Set<string>();
  for (const [key, value] of settings) {
    const [, name, rest] = /^((?:ide|sata|scsi|nvme)\d{1,2})(.*)$/.exec(key) ?? [];
    if (name !== undefined && /^(:\d+)?\.present$/.test(rest!) && isTrue(value)) found.add(name);
  }
  return [...found].map((name) => {
    const model = settings.get(`${name}.virtualdev`) ?? "";
    return {
      kind: "controller",
      ...plainItem(name, name.toUpperCase()),
      bus: buses[name.replace(/\d+$/, "") as Bus],
      model,
    };
  });
}

function drives(settings: VmxSettings): ApplianceItem[] {
  const items: ApplianceItem[] = [];
  for (const [key, value] of settings) {
    const [, id, controller, unit] = /^(((?:ide|sata|scsi|nvme)\d{1,2}):(\d{1,3}))\.present$/.exec(key) ?? [];
    if (id === undefined || !isTrue(value)) continue;
    const type = settings.get(`${id}.devicetype`) ?? "disk";
    const name = settings.get(`${id}.filename`) ?? "";
    const base = { ...plainItem(id, id.toUpperCase()), controller: controller!, position: Number(unit) };
    if (/cdrom/i.test(type)) {
      const file = /image/i.test(type) && /\.iso$/i.test(name) ? fileName(name) : null;
      items.push({ kind: "optical", ...base, file, interface: null });
    } else if (name !== "") {
      const file = fileName(name);
      items.push({
        kind: "disk",
        ...base,
        file,
        format: diskFormatOf("", file),
        capacityBytes: 0,
        storedBytes: 0,
        interface: null,
        target: newTarget(),
      });
    }
  }
  return items;
}

/** Windows' separators become ours. */
function fileName(name: string): string {
  return name.includes("/") ? name : name.replaceAll("\\", "/");
}

function floppies(settings: VmxSettings): ApplianceItem[] {
  // Absent means present here: VMware gives every machine a first floppy drive.
  const present = ["floppy0", "floppy1"].filter((name, index) =>
    isTrue(settings.get(`${name}.present`) ?? (index === 0 ? "TRUE" : "")),
  );
  return present.map((name) => {
    const image = settings.get(`${name}.filetype`) === "file" ? fileName(settings.get(`${name}.filename`) ?? "") : "";
    return {
      kind: "floppy",
      ...plainItem(name, name),
      controller: null,
      position: Number(name.at(-1)),
      file: image === "" ? null : image,
    };
  });
}

function others(settings: VmxSettings): ApplianceItem[] {
  const items: ApplianceItem[] = [];
  for (const [key, value] of settings) {
    const [, id, kind] = /^((ethernet|serial|usb|sound|ehci|usb_xhci)\d*)\.present$/.exec(key) ?? [];
    if (id === undefined || !isTrue(value)) continue;
    const base = plainItem(id, id);
    const model = settings.get(`${id}.virtualdev`) ?? "";
    if (kind === "ethernet") {
      const network = settings.get(`${id}.connectiontype`) ?? "bridged";
      const mac = macOf(settings.get(`${id}.address`) ?? settings.get(`${id}.generatedaddress`) ?? "");
      items.push({ kind: "network", ...base, model, network, mac });
    } else if (kind === "serial") items.push({ kind: "serial", ...base });
    else if (kind === "sound") items.push({ kind: "sound", ...base, model });
    else items.push({ kind: "usb", ...base, model: kind! });
  }
  return items;
}
