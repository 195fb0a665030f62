import { useTranslation } from "react-i18next";
import { type copyDiskFormats, type DiskFormatName, newDiskFormats } from "../../../engine/api/mediumProtocol.ts";
import { Choice } from "../../ui/Choices.tsx";
import { Select } from "../../ui/Select.tsx";

export interface DiskFormatChoice {
  format: DiskFormatName;
  subformat: string;
}

interface DiskFormatFieldsProps {
  value: DiskFormatChoice;
  onChange: (value: DiskFormatChoice) => void;
  formats: readonly { format: DiskFormatName; subformats: readonly string[] }[] | typeof copyDiskFormats;
}

export const defaultDiskFormat: DiskFormatChoice = {
  format: newDiskFormats[0].format,
  subformat: newDiskFormats[0].subformats[0],
};

const formatNames: Readonly<Record<DiskFormatName, string>> = {
  raw: "Raw",
  qcow: "QCOW",
  qcow2: "QCOW2 (QEMU)",
  vdi: "VDI (VirtualBox)",
  vmdk: "VMDK (VMware)",
  vhd: "VHD (Virtual PC)",
  vhdx: "VHDX (Hyper-V)",
};

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
        options={formats.map(({ format }) => ({ id: format, label: formatNames[format] }))}
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
