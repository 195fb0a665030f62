import { useTranslation } from "react-i18next";
import { isLive } from "../../../engine/api/MachineState.ts";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { useHost } from "../../state/AppContext.tsx";
import { useMachineActions } from "../../state/useMachineActions.tsx";
import { useNow } from "../../state/useNow.ts";
import { Button } from "../../ui/Button.tsx";
import { formatClock, formatDate, formatNumber } from "../../ui/formatQuantities.ts";
import type { MenuAction } from "../../ui/Menu.tsx";
import { StateIcon } from "../../ui/StateIcon.tsx";
import { ScreenPreview } from "./ScreenPreview.tsx";
import { StateWord } from "./StateWord.tsx";

function Facts({ machine }: { machine: MachineSummary }) {
  const { t, i18n } = useTranslation();
  const live = isLive(machine.state.kind);
  const now = useNow(live ? 1000 : undefined);
  const latest = useHost((state) => state.history[machine.id]?.at(-1)?.figures);
  const locale = i18n.language;
  const running = machine.state.kind === "running" && latest !== undefined;
  return (
    <dl className="aside-facts">
      <div>
        <dt>{t("aside.state")}</dt>
        <dd className="machine-state">
          <StateIcon state={machine.state.kind} size={14} />
          <StateWord machine={machine} />
        </dd>
      </div>
      {live && machine.startedMs !== null ? (
        <div>
          <dt>{t("aside.uptime")}</dt>
          <dd>{formatClock(now - machine.startedMs)}</dd>
        </div>
      ) : machine.stateSinceMs === 0 ? null : (
        <div>
          <dt>{t("aside.since")}</dt>
          <dd>{formatDate(machine.stateSinceMs, locale)}</dd>
        </div>
      )}
      {running ? (
        <div>
          <dt>{t("aside.speed")}</dt>
          <dd>
            {t("aside.speedValue", {
              mips: formatNumber(latest.mips, locale, 1),
              load: formatNumber(latest.load * 100, locale),
            })}
          </dd>
        </div>
      ) : null}
      {machine.engine === null ? null : (
        <div className="aside-engine">
          <dt>{t("aside.engine")}</dt>
          <dd className="selectable">{machine.engine}</dd>
        </div>
      )}
    </dl>
  );
}

/** Beside the details: what the machine shows and does right now, and what one most likely wants to do next. */
export function MachineAside({ machine }: { machine: MachineSummary }) {
  const { t } = useTranslation();
  const actions = useMachineActions(machine);
  const quick: MenuAction[] = [
    actions.start,
    actions.show,
    actions.showInWindow,
    actions.pause,
    actions.shutDown,
    actions.powerOff,
  ].filter((action) => action.disabled !== true);
  return (
    <aside className="details-aside" aria-label={t("aside.title")}>
      <ScreenPreview machine={machine} />
      <Facts machine={machine} />
      {quick.length === 0 ? null : (
        <div className="quick-actions">
          <h2>{t("aside.quickActions")}</h2>
          {quick.map((action) => (
            <Button key={action.id} variant="flat" className="quick-action" onPress={action.run}>
              {action.icon}
              {action.label}
            </Button>
          ))}
        </div>
      )}
    </aside>
  );
}
