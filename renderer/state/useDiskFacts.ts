/** What the files of a machine's disks are, for panes that show more of a disk than its file's name. */
import { useEffect, useState } from "react";
import type { MachineSummary } from "../../engine/api/MachineSummary.ts";
import { baseName, isAbsolutePath } from "../ui/formatQuantities.ts";
import { useServices } from "./AppContext.tsx";

export interface DiskFacts {
  /** The file that the user knows: below what snapshots have put upon it, whose files have numbers for names. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly encrypted: boolean;
}

const numbered = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.\w+$/;

/** The name of a disk whose file rests on the files of `chain`, nearest first. */
export function knownName(path: string, chain: readonly { readonly path: string }[]): string {
  const names = [path, ...chain.map((link) => link.path)].map(baseName);
  return names.find((name) => !numbered.test(name)) ?? baseName(path);
}

/** By the path in the configuration. What cannot be read is left out. */
export function useDiskFacts({ config, folder }: MachineSummary): ReadonlyMap<string, DiskFacts> {
  const { session } = useServices();
  const [facts, setFacts] = useState<ReadonlyMap<string, DiskFacts>>(new Map());
  const paths = (config?.storage.disks ?? []).map((disk) => disk.path).join("\n");
  useEffect(() => {
    let open = true;
    const separator = folder.includes("\\") ? "\\" : "/";
    const ask = async (path: string): Promise<[string, DiskFacts] | undefined> => {
      const whole = isAbsolutePath(path) ? path : `${folder}${separator}${path}`;
      const info = await session.call("media.info", { path: whole }).catch(() => undefined);
      if (info === undefined) return undefined;
      const { sizeBytes, encrypted } = info.medium;
      return [path, { name: knownName(path, info.chain), sizeBytes, encrypted }];
    };
    Promise.all(paths.split("\n").filter(Boolean).map(ask)).then(
      (found) => open && setFacts(new Map(found.filter((entry) => entry !== undefined))),
      // The names of the files do for then.
      () => {},
    );
    return () => {
      open = false;
    };
  }, [session, folder, paths]);
  return facts;
}
