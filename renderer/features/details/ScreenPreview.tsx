import { useTranslation } from "react-i18next";
import { isLive } from "../../../engine/api/MachineState.ts";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { useThumbnail } from "../../state/useThumbnail.ts";
import { StateIcon } from "../../ui/StateIcon.tsx";
import { useScreen } from "../console/useScreen.ts";
import "./details.css";

const PREVIEW_INTERVAL_MS = 1000;

/** A small live picture of a machine's screen, once a second, or what a saved one goes on from; the state's sign while there is none. */
export function ScreenPreview({ machine }: { machine: MachineSummary }) {
  const { t } = useTranslation();
  const live = isLive(machine.state.kind);
  const { canvasRef, size } = useScreen(machine.id, { intervalMs: PREVIEW_INTERVAL_MS, enabled: live });
  const shown = live && size !== undefined;
  const saved = useThumbnail(machine.id, null, machine.state.kind === "saved" ? machine.stateSinceMs : undefined);
  const name = t("preview.name", { name: machine.name });
  return (
    <span className={`preview preview-${machine.state.kind}`}>
      <canvas
        ref={canvasRef}
        className={shown ? "preview-canvas" : "preview-canvas preview-hidden"}
        role="img"
        aria-label={name}
      />
      {saved === undefined ? null : <img className="preview-canvas" src={saved} alt={name} />}
      {shown || saved !== undefined ? null : (
        <span className="preview-empty">
          <StateIcon state={machine.state.kind} size={28} />
        </span>
      )}
    </span>
  );
}
