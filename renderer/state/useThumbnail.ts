import { useEffect, useState } from "react";
import { useServices } from "./AppContext.tsx";

/**
 * A picture that the host keeps of a machine's screen, as a data address: of a snapshot, or (null) of what a saved machine goes on from. `version`
 * tells one content of the same place from the next; undefined asks for nothing.
 */
export function useThumbnail(
  id: string,
  snapshotId: string | null,
  version: string | number | undefined,
): string | undefined {
  const { session } = useServices();
  const [picture, setPicture] = useState<{ of: string; png: string }>();
  const wanted = version === undefined ? undefined : `${id} ${snapshotId} ${version}`;
  useEffect(() => {
    if (wanted === undefined) return;
    let open = true;
    session.call("snapshot.thumbnail", { id, snapshotId }).then(
      ({ pngBase64 }) => {
        if (open && pngBase64 !== null) setPicture({ of: wanted, png: pngBase64 });
      },
      // A picture is no loss to complain about.
      () => {},
    );
    return () => {
      open = false;
    };
  }, [session, id, snapshotId, wanted]);
  return picture !== undefined && picture.of === wanted ? `data:image/png;base64,${picture.png}` : undefined;
}
