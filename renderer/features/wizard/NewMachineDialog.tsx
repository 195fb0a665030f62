import { useState } from "react";
import { useTranslation } from "react-i18next";
import { navigate } from "../../app/routes.ts";
import { useAttempt, usePreference, useServices } from "../../state/AppContext.tsx";
import { startMachine } from "../../state/passphrases.ts";
import { useBuiltinGuest } from "../../state/useBuiltinGuest.ts";
import { useNameTaken } from "../../state/useNameTaken.ts";
import { Button } from "../../ui/Button.tsx";
import { Switch } from "../../ui/Choices.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { BootChoices } from "./BootChoices.tsx";
import { ExpertChoices } from "./ExpertChoices.tsx";
import { HardwareChoices } from "./HardwareChoices.tsx";
import { draftFromChoices, initialChoices, issuesOf, knownPassphrases, newDisks } from "./WizardChoices.ts";
import { WizardSummary } from "./WizardSummary.tsx";
import "./wizard.css";

/** One page: choices on the left, on the right what will be made of them. */
export function NewMachineDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const { session, shell } = useServices();
  const attempt = useAttempt();
  const [choices, setChoices] = useState(initialChoices);
  const [expert, setExpert] = usePreference("expertWizard");
  /** Problems are shown once somebody tried to go on; before that an empty field is just empty. */
  const [tried, setTried] = useState(false);
  /** The button that was pressed keeps the focus while the other one is off. */
  const [busy, setBusy] = useState<"create" | "start">();
  const builtin = useBuiltinGuest();
  const taken = useNameTaken(choices.name, null);
  const issues = issuesOf(choices);
  const blocked = Object.keys(issues).length > 0 || (taken && choices.bootMedium !== "builtin");
  const isBuiltin = choices.bootMedium === "builtin";

  const create = async (start: boolean) => {
    setTried(true);
    if (blocked) return;
    setBusy(start ? "start" : "create");
    let id = "";
    const created = await attempt(t("failure.create"), async () => {
      const { machine } = isBuiltin
        ? await session.call("builtinGuest.create", {})
        : await session.call("library.create", { draft: draftFromChoices(choices), newDisks: newDisks(choices) });
      id = machine.id;
    });
    setBusy(undefined);
    if (!created) return;
    onClose();
    navigate({ kind: "machine", id, tab: start ? "console" : "details" });
    if (start)
      await attempt(t("failure.start"), () =>
        startMachine(session, shell, id, isBuiltin ? [] : knownPassphrases(choices)),
      );
  };

  const shownIssues = tried
    ? issues
    : { ...(choices.name === "" ? {} : pick(issues, "name")), ...pick(issues, "memoryMiB") };
  return (
    <Dialog
      title={t("wizard.title")}
      width={940}
      height={660}
      dismissable={choices.touched.length === 0}
      onClose={onClose}
      footer={
        <>
          <span className="grow">
            <Switch selected={expert} onChange={setExpert} disabled={isBuiltin}>
              {t("wizard.expert")}
            </Switch>
          </span>
          <Button onPress={onClose}>{t("actions.cancel")}</Button>
          <Button
            isDisabled={busy === "start" || builtin.busy}
            isPending={busy === "create"}
            onPress={() => void create(false)}
          >
            {t("wizard.create")}
          </Button>
          <Button
            variant="primary"
            isDisabled={busy === "create" || builtin.busy}
            isPending={busy === "start"}
            onPress={() => void create(true)}
          >
            {t("wizard.createAndStart")}
          </Button>
        </>
      }
    >
      <div className="wizard">
        <div className="wizard-choices">
          <BootChoices choices={choices} setChoices={setChoices} issues={shownIssues} nameTaken={taken} />
          {isBuiltin ? null : <HardwareChoices choices={choices} setChoices={setChoices} issues={shownIssues} />}
          {expert && !isBuiltin ? (
            <ExpertChoices choices={choices} setChoices={setChoices} issues={shownIssues} />
          ) : null}
        </div>
        <WizardSummary choices={choices} blocked={tried && blocked} />
      </div>
    </Dialog>
  );
}

function pick<T extends object, K extends keyof T>(from: T, key: K): Partial<Pick<T, K>> {
  return from[key] === undefined ? {} : ({ [key]: from[key] } as unknown as Pick<T, K>);
}
