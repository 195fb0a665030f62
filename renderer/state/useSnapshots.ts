import { useEffect } from "react";
import { useHost, useServices } from "./AppContext.tsx";
import type { SnapshotTree } from "./HostSession.ts";

/** The snapshots of a machine, read when first needed. Undefined until they are there, or where the host has none to offer. */
export function useSnapshots(id: string): SnapshotTree | undefined {
  const { session } = useServices();
  const loaded = useHost((state) => state.loaded);
  const tree = useHost((state) => state.snapshots[id]);
  const missing = tree === undefined;
  useEffect(() => {
    if (loaded && missing) session.loadSnapshots(id).catch(() => {});
  }, [session, id, loaded, missing]);
  return tree;
}
