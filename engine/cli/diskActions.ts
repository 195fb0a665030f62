/** `guesthouse attach-disk` and `guesthouse detach-disk`: give a machine a disk, or take it away, also while it runs. */
import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import type { DiskConfig } from "../api/MachineConfig.ts";
import { BadArguments } from "./BadArguments.ts";
import { exitStatus } from "./exitStatus.ts";
import { withHost } from "./HostAccess.ts";
import { findMachine } from "./libraryActions.ts";
import { parseInterface, parseKnownFormat } from "./RunOptions.ts";
import { readPassphraseOption } from "./readPassphrase.ts";

export interface AttachDiskArguments {
  readonly if: string;
  readonly format?: string;
  readonly serial?: string;
  readonly ssd?: boolean;
  readonly removable?: boolean;
  readonly readOnly?: boolean;
  readonly passphraseFile?: string;
  readonly json?: boolean;
}

export async function attachDisk(nameOrId: string, file: string, given: AttachDiskArguments): Promise<number> {
  const format = parseKnownFormat(given.format);
  const disk: DiskConfig = {
    path: resolve(file),
    interface: parseInterface(given.if),
    ...(format === undefined ? {} : { format }),
    ...(given.serial === undefined ? {} : { serial: given.serial }),
    ...(given.ssd === true ? { solidState: true } : {}),
    ...(given.removable === true ? { removable: true } : {}),
    ...(given.readOnly === true ? { kind: "readOnly" } : {}),
  };
  const passphrase = await readPassphraseOption(given.passphraseFile);
  return await withHost(false, async (client) => {
    const { id, name } = await findMachine(client, nameOrId);
    const order = { id, disk, ...(passphrase === undefined ? {} : { passphrase }) };
    const { slot } = await client.call("machine.attachDisk", order);
    console.log(given.json === true ? JSON.stringify({ slot }) : `${disk.path} is disk ${slot + 1} of ${name}.`);
    return exitStatus.done;
  });
}

/** By its file, or by its number counted from 1. */
export async function detachDisk(
  nameOrId: string,
  disk: string,
  given: { force?: boolean; json?: boolean },
): Promise<number> {
  const wanted = await realpath(disk).catch(() => resolve(disk));
  return await withHost(false, async (client) => {
    const { id, name, folder, config } = await findMachine(client, nameOrId);
    const disks = config?.storage.disks ?? [];
    const paths = await Promise.all(
      disks.map(({ path }) => realpath(resolve(folder, path)).catch(() => resolve(folder, path))),
    );
    const slot = paths.includes(wanted) ? paths.indexOf(wanted) : /^\d{1,2}$/.test(disk) ? Number(disk) - 1 : -1;
    const path = paths[slot];
    if (path === undefined) throw new BadArguments(`${name} has no disk “${disk}”.`);
    await client.call("machine.detachDisk", { id, slot, ...(given.force === true ? { force: true } : {}) });
    console.log(given.json === true ? JSON.stringify({ detached: path }) : `${path} is no disk of ${name} any more.`);
    return exitStatus.done;
  });
}
