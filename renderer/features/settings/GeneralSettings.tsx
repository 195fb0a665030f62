import { useTranslation } from "react-i18next";
import { SystemTypeSelect } from "../../ui/SystemTypeSelect.tsx";
import { TextField } from "../../ui/TextField.tsx";
import type { SettingsSectionProps } from "./SettingsDialog.tsx";

export function GeneralSettings({ draft, change, problem }: SettingsSectionProps) {
  const { t } = useTranslation();
  return (
    <>
      <TextField
        label={t("details.name")}
        value={draft.name}
        onChange={(name) => change({ name })}
        error={problem("name")}
      />
      <SystemTypeSelect value={draft.osType} onChange={(osType) => change({ osType })} />
      <TextField
        label={t("section.description")}
        value={draft.description}
        onChange={(description) => change({ description })}
        multiline
      />
    </>
  );
}
