import type { TFunction } from "i18next";
import { Cable, Cpu, HardDrive, Info, type LucideIcon, Monitor } from "lucide-react";
import { useState } from "react";
import { Tab, TabList, TabPanel, Tabs } from "react-aria-components";
import { useTranslation } from "react-i18next";
import type { DraftField } from "../../../engine/api/checkMachineDraft.ts";
import { draftOf, type MachineDraft } from "../../../engine/api/MachineConfig.ts";
import { isLive } from "../../../engine/api/MachineState.ts";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { useAttempt, useMachine, useServices } from "../../state/AppContext.tsx";
import type { SettingsSection } from "../../state/shellState.ts";
import { useNameTaken } from "../../state/useNameTaken.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { Notice } from "../../ui/Notice.tsx";
import { DisplaySettings } from "./DisplaySettings.tsx";
import { draftProblems } from "./draftProblems.ts";
import { GeneralSettings } from "./GeneralSettings.tsx";
import { SerialSettings } from "./SerialSettings.tsx";
import { StorageSettings } from "./StorageSettings.tsx";
import { SystemSettings } from "./SystemSettings.tsx";
import "./settings.css";

const sections: readonly { id: SettingsSection; icon: LucideIcon; fields: readonly DraftField[] }[] = [
  { id: "general", icon: Info, fields: ["name"] },
  { id: "system", icon: Cpu, fields: ["memoryMiB", "bootOrder", "directBoot"] },
  { id: "display", icon: Monitor, fields: [] },
  { id: "storage", icon: HardDrive, fields: ["storage.disks", "storage.opticals", "storage.floppies"] },
  { id: "serial", icon: Cable, fields: ["serial"] },
];

export interface SettingsSectionProps {
  draft: MachineDraft;
  /** Changes part of the draft. */
  change: (part: Partial<MachineDraft>) => void;
  /** What is wrong with a field, in the user's words. */
  problem: (field: DraftField) => string | undefined;
  /** True while the machine is live: everything but names, words and looks is fixed. */
  locked: boolean;
}

interface SettingsFormProps {
  machine: MachineSummary;
  initial: MachineDraft;
  section: SettingsSection;
  onClose: () => void;
}

function lockedSentence(section: SettingsSection, machine: MachineSummary, t: TFunction): string {
  if (machine.state.kind === "saved") return t("settings.lockedSaved");
  return section === "storage" ? t("settings.lockedStorage") : t("settings.locked");
}

function SectionPanel({
  id,
  machine,
  props,
}: {
  id: SettingsSection;
  machine: MachineSummary;
  props: SettingsSectionProps;
}) {
  const { t } = useTranslation();
  const bound = props.locked && id !== "general" && id !== "display";
  return (
    <TabPanel id={id} className="settings-panel stack">
      {bound ? <Notice kind="info">{lockedSentence(id, machine, t)}</Notice> : null}
      {id === "general" ? <GeneralSettings {...props} /> : null}
      {id === "system" ? <SystemSettings {...props} /> : null}
      {id === "display" ? <DisplaySettings {...props} /> : null}
      {id === "storage" ? <StorageSettings {...props} machine={machine} /> : null}
      {id === "serial" ? <SerialSettings {...props} /> : null}
    </TabPanel>
  );
}

/** While it runs; and what was saved was saved with these settings. */
function isLocked({ state }: MachineSummary): boolean {
  return isLive(state.kind) || state.kind === "saved";
}

function SettingsForm({ machine, initial, section, onClose }: SettingsFormProps) {
  const { t } = useTranslation();
  const { session } = useServices();
  const attempt = useAttempt();
  const [draft, setDraft] = useState(initial);
  const taken = useNameTaken(draft.name, machine.id);
  const problems = draftProblems(draft, taken);
  const changed = JSON.stringify(draft) !== JSON.stringify(initial);
  const problem = (field: DraftField) => {
    const found = problems.get(field);
    return found === undefined ? undefined : t(`issue.${found}`);
  };
  const save = async () => {
    const trimmed = { ...shown, name: draft.name.trim() };
    const saved = await attempt(t("failure.saveSettings", { name: machine.name }), () =>
      session.call("library.update", { id: machine.id, draft: trimmed }),
    );
    if (saved) onClose();
  };
  const locked = isLocked(machine);
  // Drives also change elsewhere, and at once while the machine runs: what nobody edited here is as the machine has it.
  const foreign = locked || draft.storage === initial.storage ? machine.config?.storage : undefined;
  const shown = foreign === undefined ? draft : { ...draft, storage: foreign };
  const change = (part: Partial<MachineDraft>) => setDraft((before) => ({ ...before, ...part }));
  const props: SettingsSectionProps = { draft: shown, change, problem, locked };
  const footer = (
    <>
      <Button onPress={onClose}>{t("actions.cancel")}</Button>
      <Button variant="primary" isDisabled={!changed || problems.size > 0} onPress={() => void save()}>
        {t("settings.save")}
      </Button>
    </>
  );
  const title = t("settings.title", { name: machine.name });
  return (
    <Dialog title={title} width={920} height={660} dismissable={!changed} onClose={onClose} footer={footer}>
      <Tabs orientation="vertical" className="settings" defaultSelectedKey={section}>
        <TabList className="settings-list" aria-label={t("settings.sections")}>
          {sections.map(({ id, icon: Icon, fields }) => (
            <Tab
              key={id}
              id={id}
              className="settings-tab"
              data-problem={fields.some((field) => problems.has(field)) || undefined}
            >
              <Icon size={16} aria-hidden />
              {t(`section.${id}`)}
            </Tab>
          ))}
        </TabList>
        {sections.map(({ id }) => (
          <SectionPanel key={id} id={id} machine={machine} props={props} />
        ))}
      </Tabs>
    </Dialog>
  );
}

/** The settings of a machine, open at one section. What is typed is kept until it is saved or given up. */
export function SettingsDialog({
  id,
  section,
  onClose,
}: {
  id: string;
  section: SettingsSection;
  onClose: () => void;
}) {
  const machine = useMachine(id);
  const [initial] = useState(() => (machine?.config == null ? undefined : draftOf(machine.config)));
  if (machine === undefined || initial === undefined) return null;
  return <SettingsForm machine={machine} initial={initial} section={section} onClose={onClose} />;
}
