import { useHost } from "../../state/AppContext.tsx";
import type { MediumWork } from "../../state/shellState.ts";
import { CheckMediumDialog } from "./CheckMediumDialog.tsx";
import { CopyMediumDialog } from "./CopyMediumDialog.tsx";
import { MoveMediumDialog } from "./MoveMediumDialog.tsx";
import { RemoveMediumDialog } from "./RemoveMediumDialog.tsx";
import { ResizeMediumDialog } from "./ResizeMediumDialog.tsx";

/** The dialog for some work on a medium of the list. */
export function MediumDialog({ work, path, onClose }: { work: MediumWork; path: string; onClose: () => void }) {
  const medium = useHost((state) => state.media?.find((candidate) => candidate.path === path));
  if (medium === undefined) return null;
  switch (work) {
    case "copy":
      return <CopyMediumDialog medium={medium} onClose={onClose} />;
    case "move":
      return <MoveMediumDialog medium={medium} onClose={onClose} />;
    case "resize":
      return <ResizeMediumDialog medium={medium} onClose={onClose} />;
    case "check":
      return <CheckMediumDialog medium={medium} onClose={onClose} />;
    case "remove":
      return <RemoveMediumDialog medium={medium} onClose={onClose} />;
  }
}
