import { useTranslation } from "react-i18next";
import { useHost } from "../../state/AppContext.tsx";
import { useFileFilters } from "../../state/useFileChooser.ts";
import { Choice } from "../../ui/Choices.tsx";
import { FileField } from "../../ui/FileField.tsx";
import { formatMiB } from "../../ui/formatQuantities.ts";
import { MemoryField } from "../../ui/MemoryField.tsx";
import { diskZones } from "../../ui/sizeScale.ts";
import { ZoneSlider } from "../../ui/ZoneSlider.tsx";
import type { SectionProps } from "./SectionProps.ts";
import { type DiskChoice, touch } from "./WizardChoices.ts";

/** The slider's reach; larger disks are typed. */
const SLIDER_DISK_MIB = { minimum: 16, maximum: 512 * 1024 };

export function HardwareChoices({ choices, setChoices, issues }: SectionProps) {
  const { t, i18n } = useTranslation();
  const filters = useFileFilters();
  const freeBytes = useHost((state) => state.info?.dataFreeBytes);
  const freeMiB = freeBytes === undefined ? undefined : freeBytes / 1024 / 1024;
  return (
    <section className="stack">
      <MemoryField
        value={choices.memoryMiB}
        onChange={(memoryMiB) => setChoices(touch(choices, { memoryMiB }, "memoryMiB"))}
        error={issues.memoryMiB === undefined ? undefined : t(`issue.${issues.memoryMiB}`)}
      />
      <Choice<DiskChoice>
        label={t("wizard.disk")}
        value={choices.disk}
        onChange={(disk) => setChoices(touch(choices, { disk }, "disk"))}
        options={[
          { id: "new", label: t("wizard.diskNew") },
          { id: "existing", label: t("wizard.diskExisting") },
          { id: "none", label: t("wizard.diskNone") },
        ]}
      />
      {choices.disk === "new" ? (
        <ZoneSlider
          label={t("wizard.diskSize")}
          unit="MiB"
          value={choices.diskMiB}
          {...SLIDER_DISK_MIB}
          zones={diskZones(freeMiB)}
          onChange={(diskMiB) => setChoices(touch(choices, { diskMiB }, "disk"))}
          zoneSentence={(zone) =>
            zone === "warning" || zone === "danger"
              ? t(`disk.${zone}`, { free: formatMiB(freeMiB ?? 0, i18n.language) })
              : undefined
          }
          formatEnd={(size) => formatMiB(size, i18n.language)}
          error={issues.diskMiB === undefined ? undefined : t(`issue.${issues.diskMiB}`)}
        />
      ) : null}
      {choices.disk === "existing" ? (
        <FileField
          label={t("wizard.diskFile")}
          value={choices.diskPath}
          onChange={(diskPath) => setChoices(touch(choices, { diskPath }, "disk"))}
          choose={{ title: t("drive.choose.disk"), filters: filters("disk") }}
          error={issues.diskPath === undefined ? undefined : t(`issue.${issues.diskPath}`)}
        />
      ) : null}
    </section>
  );
}
