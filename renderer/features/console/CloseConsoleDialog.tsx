import { useState } from "react";
import { useTranslation } from "react-i18next";
import { isLegal } from "../../../engine/api/commandLegality.ts";
import { navigate } from "../../app/routes.ts";
import { useAttempt, useMachine, useServices } from "../../state/AppContext.tsx";
import { useSnapshots } from "../../state/useSnapshots.ts";
import { ActionDialog } from "../../ui/ActionDialog.tsx";
import { Checkbox, Choice } from "../../ui/Choices.tsx";

type Way = "detach" | "saveState" | "shutDown" | "powerOff";

/** Closing the console of a machine that runs: leave it running, save its state, ask its system to shut down, or pull the plug. */
export function CloseConsoleDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const { t } = useTranslation();
  const { session } = useServices();
  const attempt = useAttempt();
  const machine = useMachine(id);
  const tree = useSnapshots(id);
  const [way, setWay] = useState<Way>("detach");
  const [restore, setRestore] = useState(false);
  const current = tree?.snapshots.find((snapshot) => snapshot.id === tree.currentId);
  const restores = restore ? current : undefined;
  if (machine === undefined) return null;
  const state = machine.state.kind;
  const leave = () => {
    const { closeWindow } = session.port.capabilities;
    if (closeWindow !== undefined && location.hash.startsWith("#/console/")) closeWindow();
    else navigate({ kind: "machine", id, tab: "details" });
  };
  const { name } = machine;
  const powerOff = async () => {
    await session.call("machine.powerOff", { id });
    if (restores === undefined) return;
    await session.whenState(id, (kind) => isLegal("snapshot.restore", kind));
    await session.call("snapshot.restore", { id, snapshotId: restores.id, takeCurrent: null });
  };
  const go: Record<Way, () => Promise<boolean>> = {
    detach: async () => true,
    saveState: () => attempt(t("failure.machine.saveState", { name }), () => session.call("machine.saveState", { id })),
    shutDown: () =>
      attempt(t("failure.machine.powerButton", { name }), () => session.call("machine.powerButton", { id })),
    powerOff: () => attempt(t("failure.machine.powerOff", { name }), powerOff),
  };
  const close = async () => {
    onClose();
    if (await go[way]()) leave();
  };
  return (
    <ActionDialog
      shape="offer"
      title={t("closeConsole.title", { name: machine.name })}
      width={460}
      action={t(`closeConsole.${way}Action`)}
      danger={way === "powerOff"}
      onAction={() => void close()}
      onClose={onClose}
    >
      <Choice<Way>
        label={t("closeConsole.question")}
        look="list"
        value={way}
        onChange={setWay}
        options={[
          { id: "detach", label: t("closeConsole.detach") },
          { id: "saveState", label: t("closeConsole.saveState"), disabled: !isLegal("machine.saveState", state) },
          { id: "shutDown", label: t("closeConsole.shutDown"), disabled: !isLegal("machine.powerButton", state) },
          { id: "powerOff", label: t("closeConsole.powerOff"), disabled: !isLegal("machine.powerOff", state) },
        ]}
      />
      {way === "powerOff" && current !== undefined ? (
        <Checkbox selected={restore} onChange={setRestore}>
          {t("closeConsole.restore", { name: current.name })}
        </Checkbox>
      ) : null}
      {way === "powerOff" ? <p className="quiet">{t("confirm.powerOff.body", { name })}</p> : null}
    </ActionDialog>
  );
}
