/**
 * The storage of a draft as the settings show it: controllers with what hangs on them, and changes that keep a configuration plain.
 * An attribute at its default is left out, as in configurations from before there was a choice.
 */
import {
  type DiskConfig,
  type DiskInterface,
  diskAttributes,
  type MachineDraft,
} from "../../../engine/api/MachineConfig.ts";
import { idePositions } from "../details/detailSections.ts";

export type Storage = MachineDraft["storage"];
export type OpticalInterface = NonNullable<Storage["opticals"][number]["interface"]>;
export type DeviceKind = "disk" | "optical" | "floppy";
export type ControllerId = DiskInterface | "floppy";
export type DiskAttributes = ReturnType<typeof diskAttributes>;

export interface StorageDevice {
  /** "disk0", "optical1": unique among all. */
  readonly id: string;
  readonly kind: DeviceKind;
  /** In its list of the draft. */
  readonly index: number;
  /** On the controller. */
  readonly place: number;
  readonly path: string | null;
}

export interface StorageController {
  readonly id: ControllerId;
  readonly devices: readonly StorageDevice[];
}

const lists = { disk: "disks", optical: "opticals", floppy: "floppies" } as const;
export const diskInterfaces: readonly DiskInterface[] = ["ide", "ahci", "virtio-blk", "virtio-scsi", "nvme"];

/** Controllers whose disks may come and go while the machine runs. */
export const hotPlugInterfaces = [
  "ahci",
  "virtio-blk",
  "virtio-scsi",
  "nvme",
] as const satisfies readonly DiskInterface[];
export type HotPlugInterface = (typeof hotPlugInterfaces)[number];

export const opticalInterfaces: readonly OpticalInterface[] = ["ide", "ahci", "virtio-scsi"];

export function interfaceOf(drive: { readonly interface?: DiskInterface }): DiskInterface {
  return drive.interface ?? "ide";
}

/** Disks of these are functions of their own in PCI slots, which they share. */
export function isInSlot(on: ControllerId): boolean {
  return on === "virtio-blk" || on === "nvme";
}

const FIRST_SLOT = 8;

/** The places that drives ask for, and the next free ones for those that ask for none. */
function placesFor(wanted: readonly (number | undefined)[], first: number): number[] {
  const taken = new Set(wanted);
  let next = first;
  return wanted.map((place) => {
    if (place !== undefined) return place;
    while (taken.has(next)) next++;
    return next++;
  });
}

/** What hangs on a controller other than IDE, disks first, each where the engine has it. */
function devicesOn(storage: Storage, controller: DiskInterface): StorageDevice[] {
  const disks = storage.disks.map((disk, index) => ({ kind: "disk" as const, index, drive: disk }));
  const opticals = storage.opticals.map((drive, index) => ({ kind: "optical" as const, index, drive }));
  const shares = (on: DiskInterface) => on === controller || (isInSlot(on) && isInSlot(controller));
  const together = [...disks, ...opticals].filter(({ drive }) => shares(interfaceOf(drive)));
  const places = placesFor(
    together.map(({ drive }) => drive.port),
    isInSlot(controller) ? FIRST_SLOT : 0,
  );
  return together
    .map(({ kind, index, drive }, at) => ({ drive, id: `${kind}${index}`, kind, index, place: places[at]! }))
    .filter(({ drive }) => interfaceOf(drive) === controller)
    .map(({ drive, ...device }) => ({ ...device, path: drive.path }));
}

/** On IDE a place is one of four, and optical drives have their own habits. */
function devicesOnIde(storage: Storage): StorageDevice[] {
  const devices = devicesOn(storage, "ide");
  const disks = devices.filter(({ kind }) => kind === "disk");
  const opticals = devices.filter(({ kind }) => kind === "optical");
  const places = idePositions(disks.length, opticals.length);
  return [
    ...disks.map((device, at) => ({ ...device, place: places.disks[at] ?? at })),
    ...opticals.map((device, at) => ({ ...device, place: places.opticals[at] ?? 3 })),
  ].sort((a, b) => a.place - b.place);
}

/** IDE and floppy always, the others when something hangs on them. */
export function storageControllers(storage: Storage): StorageController[] {
  const floppies = storage.floppies.map(
    ({ path }, index): StorageDevice => ({ id: `floppy${index}`, kind: "floppy", index, place: index, path }),
  );
  const others = diskInterfaces
    .filter((id) => id !== "ide")
    .map((id): StorageController => ({ id, devices: devicesOn(storage, id) }))
    .filter(({ devices }) => devices.length > 0);
  return [{ id: "ide", devices: devicesOnIde(storage) }, ...others, { id: "floppy", devices: floppies }];
}

/** How many of the four places of IDE are taken. */
export function devicesOnIdeCount(storage: Storage): number {
  return devicesOn(storage, "ide").length;
}

/** Where a new disk goes: beside the last one, and off a controller that is full. */
export function interfaceForNewDisk(storage: Storage, idePlaces: number): DiskInterface {
  const last = storage.disks.at(-1);
  const wanted = last === undefined ? "ide" : interfaceOf(last);
  return wanted === "ide" && devicesOnIdeCount(storage) >= idePlaces ? "ahci" : wanted;
}

export function withDisk(storage: Storage, path: string, on: DiskInterface): Storage {
  return { ...storage, disks: [...storage.disks, on === "ide" ? { path } : { path, interface: on }] };
}

export function withoutDevice(storage: Storage, { kind, index }: StorageDevice): Storage {
  const list = lists[kind];
  return { ...storage, [list]: storage[list].filter((_, at) => at !== index) };
}

/** Another file in a drive, "" for an empty one; hard disks keep their attributes. */
export function withPath(storage: Storage, { kind, index }: StorageDevice, path: string): Storage {
  if (kind === "disk") return changeDisk(storage, index, (disk) => ({ ...disk, path }));
  const list = lists[kind];
  const drives = storage[list].map((drive, at) =>
    at === index ? { ...drive, path: path === "" ? null : path } : drive,
  );
  return { ...storage, [list]: drives };
}

export function withOpticalInterface(storage: Storage, index: number, on: OpticalInterface): Storage {
  const opticals = storage.opticals.map((drive, at) => {
    if (at !== index) return drive;
    return on === "ide" ? { path: drive.path } : { path: drive.path, interface: on };
  });
  return { ...storage, opticals };
}

export function changeDisk(storage: Storage, index: number, change: (disk: DiskConfig) => DiskConfig): Storage {
  return { ...storage, disks: storage.disks.map((disk, at) => (at === index ? change(disk) : disk)) };
}

/** Sets attributes; what is at its default goes, and the port with another controller. */
export function withAttributes(disk: DiskConfig, attributes: Partial<DiskAttributes>): DiskConfig {
  const plain = diskAttributes({ path: disk.path });
  const all = { ...diskAttributes(disk), ...attributes };
  const special = Object.entries(all).filter(([name, value]) => value !== plain[name as keyof DiskAttributes]);
  const { path, format, port } = disk;
  const stays = port !== undefined && all.interface === interfaceOf(disk);
  return {
    path,
    ...(format === undefined ? {} : { format }),
    ...(stays ? { port } : {}),
    ...Object.fromEntries(special),
  };
}

export type DiskProblem = "disk-missing" | "disk-serial" | "disk-serial-long";

/** What is wrong with one disk by itself. */
export function diskProblem(disk: DiskConfig): DiskProblem | undefined {
  const { serial } = diskAttributes(disk);
  if (disk.path.trim() === "") return "disk-missing";
  if (!/^[ -~]*$/.test(serial)) return "disk-serial";
  return serial.length > SERIAL_LENGTH_MAX ? "disk-serial-long" : undefined;
}

export const SERIAL_LENGTH_MAX = 20;
