import { FolderOpen, RefreshCw, Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { useAttempt, useServices } from "../../state/AppContext.tsx";
import { Button } from "../../ui/Button.tsx";
import { FoldedDetails } from "../../ui/FoldedDetails.tsx";
import { Notice } from "../../ui/Notice.tsx";

/** A machine whose configuration cannot be used: which file, why, and what can be done. */
export function InaccessiblePane({ machine }: { machine: MachineSummary }) {
  const { t } = useTranslation();
  const { session, shell } = useServices();
  const attempt = useAttempt();
  const { showFolder } = session.port.capabilities;
  if (machine.state.kind !== "inaccessible") return null;
  const { file, reason } = machine.state;
  return (
    <div className="inaccessible stack">
      <h1>{machine.name}</h1>
      <Notice kind="error">
        <strong>{t("inaccessible.title")}</strong>
        <span>{reason}</span>
        <span className="mono">{file}</span>
        <span>{t("inaccessible.advice")}</span>
        <FoldedDetails text={`${reason}\n${file}\n${machine.folder}`} />
      </Notice>
      <div className="input-row">
        <Button onPress={() => void attempt(t("failure.reload"), () => session.refreshMachines())}>
          <RefreshCw size={16} aria-hidden />
          {t("inaccessible.checkAgain")}
        </Button>
        {showFolder === undefined ? null : (
          <Button onPress={() => showFolder(machine.folder)}>
            <FolderOpen size={16} aria-hidden />
            {t("actions.showFolder")}
          </Button>
        )}
        <Button onPress={() => shell.open({ kind: "remove", id: machine.id })}>
          <Trash2 size={16} aria-hidden />
          {t("actions.removeEllipsis")}
        </Button>
      </div>
    </div>
  );
}
