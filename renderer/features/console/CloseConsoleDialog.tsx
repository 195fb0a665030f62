import { useState } from "react";
import { useTranslation } from "react-i18next";
import { isLegal } from "../../../engine/api/commandLegality.ts";
import { navigate } from "../../app/routes.ts";
import { useAttempt, useMachine, useServices } from "../../state/AppContext.tsx";
import { Button } from "../../ui/Button.tsx";
import { Choice } from "../../ui/Choices.tsx";
import { Dialog } from "../../ui/Dialog.tsx";

type Way = "detach" | "shutDown" | "powerOff";

/** Closing the console of a machine that runs: leave it running, ask its system to shut down, or pull the plug. */
export function CloseConsoleDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const { t } = useTranslation();
  const { session } = useServices();
  const attempt = useAttempt();
  const machine = useMachine(id);
  const [way, setWay] = useState<Way>("detach");
  if (machine === undefined) return null;
  const state = machine.state.kind;
  const leave = () => {
    const { closeWindow } = session.port.capabilities;
    if (closeWindow !== undefined && location.hash.startsWith("#/console/")) closeWindow();
    else navigate({ kind: "machine", id, tab: "details" });
  };
  const close = async () => {
    const { name } = machine;
    onClose();
    const done =
      way === "detach" ||
      (way === "shutDown"
        ? await attempt(t("failure.machine.powerButton", { name }), () => session.call("machine.powerButton", { id }))
        : await attempt(t("failure.machine.powerOff", { name }), () => session.call("machine.powerOff", { id })));
    if (done) leave();
  };
  return (
    <Dialog
      title={t("closeConsole.title", { name: machine.name })}
      width={460}
      onClose={onClose}
      footer={
        <>
          <Button onPress={onClose}>{t("actions.cancel")}</Button>
          <Button variant={way === "powerOff" ? "danger" : "primary"} autoFocus onPress={() => void close()}>
            {t(`closeConsole.${way}Action`)}
          </Button>
        </>
      }
    >
      <div className="stack">
        <Choice<Way>
          label={t("closeConsole.question")}
          look="list"
          value={way}
          onChange={setWay}
          options={[
            { id: "detach", label: t("closeConsole.detach") },
            { id: "shutDown", label: t("closeConsole.shutDown"), disabled: !isLegal("machine.powerButton", state) },
            { id: "powerOff", label: t("closeConsole.powerOff"), disabled: !isLegal("machine.powerOff", state) },
          ]}
        />
        {way === "powerOff" ? <p className="quiet">{t("confirm.powerOff.body", { name: machine.name })}</p> : null}
      </div>
    </Dialog>
  );
}
