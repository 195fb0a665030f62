import { useTranslation } from "react-i18next";
import { useFileFilters } from "../../state/useFileChooser.ts";
import { BootOrderList } from "../../ui/BootOrderList.tsx";
import { Choice } from "../../ui/Choices.tsx";
import { FileField } from "../../ui/FileField.tsx";
import { DebugPortChoices } from "../settings/DebugPortChoices.tsx";
import type { SectionProps } from "./SectionProps.ts";
import { type SerialChoice, touch } from "./WizardChoices.ts";

/** What most machines leave alone: firmware, boot order, serial port, debug ports. */
export function ExpertChoices({ choices, setChoices }: Omit<SectionProps, "issues">) {
  const { t } = useTranslation();
  const filters = useFileFilters();
  return (
    <section className="stack wizard-expert" aria-label={t("wizard.expert")}>
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
