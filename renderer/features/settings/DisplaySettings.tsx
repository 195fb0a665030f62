import { useTranslation } from "react-i18next";
import { Choice } from "../../ui/Choices.tsx";
import type { SettingsSectionProps } from "./SettingsDialog.tsx";

const scales = ["1", "2", "3", "4"] as const;

export function DisplaySettings({ draft, change }: SettingsSectionProps) {
  const { t } = useTranslation();
  const current = scales.find((scale) => Number(scale) === draft.display.scale) ?? "1";
  return (
    <>
      <Choice
        label={t("details.scale")}
        value={current}
        onChange={(scale) => change({ display: { scale: Number(scale) } })}
        options={scales.map((scale) => ({
          id: scale,
          label: t("details.scaleValue", { percent: Number(scale) * 100 }),
        }))}
      />
      <p className="field-hint">{t("settings.scaleHint")}</p>
    </>
  );
}
