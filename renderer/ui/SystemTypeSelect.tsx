import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { OsFamily } from "../../engine/api/OsType.ts";
import { osTypes } from "../../engine/api/osTypes.ts";
import { Select, type SelectSection } from "./Select.tsx";

const families: readonly OsFamily[] = ["linux", "windows", "dos", "bsd", "other"];

/** The catalogue of guest systems by family. */
export function SystemTypeSelect({ value, onChange }: { value: string; onChange: (id: string) => void }) {
  const { t } = useTranslation();
  const sections = useMemo(
    (): SelectSection<string>[] =>
      families.map((family) => ({
        label: t(`family.${family}`),
        options: osTypes.filter((type) => type.family === family).map(({ id, name }) => ({ id, label: name })),
      })),
    [t],
  );
  return <Select label={t("details.system")} value={value} onChange={onChange} sections={sections} />;
}
