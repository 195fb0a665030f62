import { Minimize } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { IconButton } from "../../ui/IconButton.tsx";
import type { ConsoleActions } from "./useConsoleActions.tsx";

/** In full screen, what slides in from the lower edge when the pointer comes near it or the focus goes there. */
export function MiniToolbar({ machine, actions }: { machine: MachineSummary; actions: ConsoleActions }) {
  const { t } = useTranslation();
  const shown = [actions.machine.pause, actions.machine.shutDown, actions.ctrlAltDelete, actions.screenshot];
  return (
    <div className="mini-toolbar-edge">
      <div className="mini-toolbar" role="toolbar" aria-label={t("console.miniToolbar")}>
        <span className="mini-toolbar-name truncate">{machine.name}</span>
        {shown.map((action) => (
          <IconButton
            key={action.id}
            name={action.keys === undefined ? action.label : `${action.label} (${action.keys})`}
            isDisabled={action.disabled ?? false}
            onPress={action.run}
          >
            {action.icon}
          </IconButton>
        ))}
        <IconButton name={t("console.leaveFullScreen")} onPress={actions.fullScreen.run}>
          <Minimize size={16} aria-hidden />
        </IconButton>
      </div>
    </div>
  );
}
