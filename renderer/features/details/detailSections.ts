/**
 * What the details pane shows of a configuration: sections of lines, each line a link to its place in the settings. Pure, so
 * that the words can be tested without a page.
 */
import type { TFunction } from "i18next";
import type { BootSource, DiskInterface, MachineConfig } from "../../../engine/api/MachineConfig.ts";
import { osTypeById } from "../../../engine/api/osTypes.ts";
import type { SettingsSection } from "../../state/shellState.ts";
import type { DiskFacts } from "../../state/useDiskFacts.ts";
import { baseName, formatBytes, formatMiB, formatNumber } from "../../ui/formatQuantities.ts";

export type DriveKind = "optical" | "floppy";

export interface DetailLine {
  key: string;
  name: string;
  value: string;
  /** The full text when `value` is a short form of it. */
  title?: string;
  /** A drive whose medium can be changed right here. */
  drive?: { kind: DriveKind; slot: number; path: string | null };
}

export interface DetailSection {
  id: SettingsSection | "description";
  settings: SettingsSection;
  lines: DetailLine[];
}

/**
 * Where the disks and optical drives of the IDE controller sit, as the machine places them: the secondary master is the first optical drive's, and whichever kind
 * has more takes what the other leaves.
 */
export function idePositions(disks: number, opticals: number): { disks: number[]; opticals: number[] } {
  const taken = new Set<number>();
  const take = (order: readonly number[]): number => {
    const place = order.find((candidate) => !taken.has(candidate)) ?? 3;
    taken.add(place);
    return place;
  };
  const diskOrder = opticals === 0 ? [0, 1, 2, 3] : [0, 1, 3, 2];
  return {
    disks: Array.from({ length: disks }, () => take(diskOrder)),
    opticals: Array.from({ length: opticals }, () => take([2, 3, 1, 0])),
  };
}

const idePlaces = ["primaryMaster", "primarySlave", "secondaryMaster", "secondarySlave"] as const;

export function idePlaceName(place: number, t: TFunction): string {
  return t(`details.ide.${idePlaces[place] ?? "secondarySlave"}`);
}

function systemLines(config: MachineConfig, t: TFunction, locale: string): DetailLine[] {
  const bootNames = config.bootOrder.map((source: BootSource) => t(`bootSource.${source}`));
  const lines: DetailLine[] = [
    { key: "memory", name: t("details.memory"), value: formatMiB(config.memoryMiB, locale) },
    { key: "boot", name: t("details.bootOrder"), value: bootNames.join(", ") || t("details.none") },
    {
      key: "firmware",
      name: t("details.firmware"),
      ...(config.firmware.kind === "builtin"
        ? { value: t("details.firmwareBuiltin") }
        : { value: baseName(config.firmware.path), title: config.firmware.path }),
    },
    { key: "engine", name: t("details.engine"), value: t(`accel.${config.accel}`) },
    { key: "cpu", name: t("details.cpuLevel"), value: t(`cpuLevel.${config.cpuLevel}`) },
  ];
  if (config.directBoot !== null) {
    const { kernel, commandLine } = config.directBoot;
    lines.push({
      key: "kernel",
      name: t("details.kernel"),
      value: baseName(kernel),
      title: `${kernel} ${commandLine}`,
    });
  }
  const ports = [...(config.debugPorts.console ? ["0xE9"] : []), ...(config.debugPorts.exit ? ["0xF4"] : [])];
  if (ports.length > 0) lines.push({ key: "debug", name: t("details.debugPorts"), value: ports.join(", ") });
  return lines;
}

/** "disk.qcow2 (20 GiB, encrypted)". */
export function diskValue(facts: DiskFacts, t: TFunction, locale: string): string {
  const size = formatBytes(facts.sizeBytes, locale);
  return t(facts.encrypted ? "details.encryptedDisk" : "details.diskValue", { name: facts.name, size });
}

function storageLines(
  config: MachineConfig,
  t: TFunction,
  locale: string,
  facts: ReadonlyMap<string, DiskFacts>,
): DetailLine[] {
  const { disks, opticals, floppies } = config.storage;
  const onIde = (drives: readonly { interface?: DiskInterface }[]) =>
    drives.filter((drive) => (drive.interface ?? "ide") === "ide").length;
  const places = idePositions(onIde(disks), onIde(opticals));
  const placeName = (on: DiskInterface, kind: "disks" | "opticals", index: number, port?: number) => {
    const before = (drives: readonly { interface?: DiskInterface }[]) =>
      drives.filter((drive) => (drive.interface ?? "ide") === on).length;
    const own = before(config.storage[kind].slice(0, index));
    if (on === "ide") return idePlaceName(places[kind][own] ?? 3, t);
    const place = port ?? own + (kind === "opticals" ? before(disks) : 0);
    return t("details.diskOn", { controller: t(`controller.${on}`), place });
  };
  const shownDisk = (path: string) => {
    const known = facts.get(path);
    return known === undefined ? baseName(path) : diskValue(known, t, locale);
  };
  return [
    ...disks.map((disk, index) => ({
      key: `disk${index}`,
      name: placeName(disk.interface ?? "ide", "disks", index, disk.port),
      value: shownDisk(disk.path),
      title: disk.path,
    })),
    ...opticals.map(({ path, interface: on, port }, slot): DetailLine => {
      const value = path === null ? t("details.emptyOptical") : t("details.optical", { name: baseName(path) });
      return {
        key: `optical${slot}`,
        name: placeName(on ?? "ide", "opticals", slot, port),
        value,
        title: path ?? value,
        drive: { kind: "optical", slot, path },
      };
    }),
    ...floppies.map(({ path }, slot): DetailLine => {
      const value = path === null ? t("details.empty") : baseName(path);
      return {
        key: `floppy${slot}`,
        name: t("details.floppyDrive", { letter: slot === 0 ? "A" : "B" }),
        value,
        title: path ?? value,
        drive: { kind: "floppy", slot, path },
      };
    }),
  ];
}

function serialLines(config: MachineConfig, t: TFunction): DetailLine[] {
  return config.serial.map((port, index) => ({
    key: `serial${index}`,
    name: `COM${index + 1}`,
    value: port.kind === "file" ? t("serial.toFile", { name: baseName(port.path) }) : t(`serial.${port.kind}`),
    ...(port.kind === "file" ? { title: port.path } : {}),
  }));
}

export function detailSections(
  config: MachineConfig,
  t: TFunction,
  locale: string,
  disks: ReadonlyMap<string, DiskFacts> = new Map(),
): DetailSection[] {
  const none = (lines: DetailLine[]): DetailLine[] =>
    lines.length > 0 ? lines : [{ key: "none", name: "", value: t("details.none") }];
  return [
    {
      id: "general",
      settings: "general",
      lines: [
        { key: "name", name: t("details.name"), value: config.name },
        { key: "system", name: t("details.system"), value: osTypeById(config.osType).name },
      ],
    },
    { id: "system", settings: "system", lines: systemLines(config, t, locale) },
    {
      id: "display",
      settings: "display",
      lines: [
        {
          key: "scale",
          name: t("details.scale"),
          value: t("details.scaleValue", { percent: formatNumber(config.display.scale * 100, locale) }),
        },
      ],
    },
    { id: "storage", settings: "storage", lines: none(storageLines(config, t, locale, disks)) },
    { id: "serial", settings: "serial", lines: none(serialLines(config, t)) },
    {
      id: "description",
      settings: "general",
      lines: [{ key: "description", name: "", value: config.description.trim() || t("details.none") }],
    },
  ];
}
