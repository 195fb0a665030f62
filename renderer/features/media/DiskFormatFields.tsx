import { useTranslation } from "react-i18next";
import type { copyDiskFormats, DiskFormatName } from "../../../engine/api/mediumProtocol.ts";
import { Choice } from "../../ui/Choices.tsx";
import { Select } from "../../ui/Select.tsx";
import { type DiskFormatChoice, diskFormatNames } from "./diskFormats.ts";

interface DiskFormatFieldsProps {
  value: DiskFormatChoice;
  onChange: (value: DiskFormatChoice) => void;
  formats: readonly { format: DiskFormatName; subformats: readonly string[] }[] | typeof copyDiskFormats;
}

const subformatKeys = [
  "dynamic",
  "fixed",
  "v3",
  "v2",
  "raw",
  "monolithicSparse",
  "monolithicFlat",
  "twoGbMaxExtentSparse",
  "twoGbMaxExtentFlat",
  "streamOptimized",
  "differencing",
] as const;

/** A subformat in words; words of a format that we do not know stand as they are. */
export function useSubformatName(): (subformat: string) => string {
  const { t } = useTranslation();
  return (subformat) => {
    const known = subformatKeys.find((key) => key === subformat);
    return known === undefined ? subformat : t(`subformat.${known}`);
  };
}

/** The file format of a disk and, where there is a choice, how it grows. */
export function DiskFormatFields({ value, onChange, formats }: DiskFormatFieldsProps) {
  const { t } = useTranslation();
  const nameOf = useSubformatName();
  const subformats: readonly string[] = formats.find(({ format }) => format === value.format)?.subformats ?? [];
  return (
    <>
      <Select<DiskFormatName>
        label={t("disk.format")}
        value={value.format}
        options={formats.map(({ format }) => ({ id: format, label: diskFormatNames[format] }))}
        onChange={(format) => {
          const [first = ""] = formats.find((offer) => offer.format === format)?.subformats ?? [];
          onChange({ format, subformat: first });
        }}
      />
      {subformats.length > 1 ? (
        <Choice
          label={t("disk.subformat")}
          look="list"
          value={value.subformat}
          onChange={(subformat) => onChange({ ...value, subformat })}
          options={subformats.map((subformat) => ({ id: subformat, label: nameOf(subformat) }))}
        />
      ) : null}
    </>
  );
}
