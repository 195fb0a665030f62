import { useTranslation } from "react-i18next";
import type { DiskInterface } from "../../../engine/api/MachineConfig.ts";
import { newDiskFormats } from "../../../engine/api/mediumProtocol.ts";
import { useFileFilters } from "../../state/useFileChooser.ts";
import { BootOrderList } from "../../ui/BootOrderList.tsx";
import { Choice } from "../../ui/Choices.tsx";
import { FileField } from "../../ui/FileField.tsx";
import { Notice } from "../../ui/Notice.tsx";
import { Select } from "../../ui/Select.tsx";
import { DiskFormatFields } from "../media/DiskFormatFields.tsx";
import { EncryptionFields } from "../media/EncryptionFields.tsx";
import { canBeEncrypted } from "../media/encryption.ts";
import { DebugPortChoices } from "../settings/DebugPortChoices.tsx";
import { diskInterfaces } from "../settings/storageDraft.ts";
import type { SectionProps } from "./SectionProps.ts";
import { type SerialChoice, touch } from "./WizardChoices.ts";

/** How the new disk's file is made. */
function NewDiskChoices({ choices, setChoices, issues }: SectionProps) {
  const { t } = useTranslation();
  return (
    <>
      <DiskFormatFields
        formats={newDiskFormats}
        value={choices.diskFormat}
        onChange={(diskFormat) => setChoices({ ...choices, diskFormat })}
      />
      {canBeEncrypted(choices.diskFormat.format) ? (
        <EncryptionFields
          value={choices.encryption}
          onChange={(encryption) => setChoices({ ...choices, encryption })}
          ways={["none", "new"]}
        />
      ) : null}
      {issues.encryption === "passphrase-missing" ? (
        <Notice kind="error">{t("issue.passphrase-missing")}</Notice>
      ) : null}
    </>
  );
}

/** What most machines leave alone: the disk's file and controller, firmware, boot order, serial port, debug ports. */
export function ExpertChoices({ choices, setChoices, issues }: SectionProps) {
  const { t } = useTranslation();
  const filters = useFileFilters();
  return (
    <section className="stack wizard-expert" aria-label={t("wizard.expert")}>
      {choices.disk === "new" ? <NewDiskChoices {...{ choices, setChoices, issues }} /> : null}
      {choices.disk === "none" ? null : (
        <Select<DiskInterface>
          label={t("storage.controller")}
          value={choices.diskInterface}
          onChange={(diskInterface) => setChoices({ ...choices, diskInterface })}
          options={diskInterfaces.map((id) => ({ id, label: t(`controller.${id}`) }))}
        />
      )}
      <FileField
        label={t("settings.romFile")}
        hint={t("settings.romHint")}
        value={choices.firmwarePath}
        onChange={(firmwarePath) => setChoices({ ...choices, firmwarePath })}
        choose={{ title: t("drive.choose.rom"), filters: filters("rom") }}
        clearable
      />
      <div className="pair">
        <BootOrderList
          value={choices.bootOrder}
          onChange={(bootOrder) => setChoices(touch(choices, { bootOrder }, "bootOrder"))}
        />
        <div className="stack">
          <Choice<SerialChoice>
            label={t("settings.serialPort", { port: "COM1" })}
            value={choices.serial}
            onChange={(serial) => setChoices({ ...choices, serial })}
            options={[
              { id: "terminal", label: t("serial.terminal") },
              { id: "none", label: t("serial.none") },
            ]}
          />
          <DebugPortChoices
            value={choices.debugPorts}
            onChange={(debugPorts) => setChoices({ ...choices, debugPorts })}
          />
        </div>
      </div>
    </section>
  );
}
