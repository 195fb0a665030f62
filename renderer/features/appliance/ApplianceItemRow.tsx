import {
  Cable,
  CircuitBoard,
  Disc3,
  HardDrive,
  type LucideIcon,
  Network,
  Package,
  Save,
  Usb,
  Volume2,
} from "lucide-react";
import { useTranslation } from "react-i18next";
import type { ApplianceItem, ApplianceNote } from "../../../engine/api/applianceProtocol.ts";
import { newDiskFormats } from "../../../engine/api/mediumProtocol.ts";
import { Checkbox } from "../../ui/Choices.tsx";
import { formatBytes } from "../../ui/formatQuantities.ts";
import { Select } from "../../ui/Select.tsx";
import { TextField } from "../../ui/TextField.tsx";
import { type FileNameProblem, type ItemChoices, mayLeaveOut, withFormat } from "./importEdits.ts";

const icons: Record<ApplianceItem["kind"], LucideIcon> = {
  controller: CircuitBoard,
  disk: HardDrive,
  optical: Disc3,
  floppy: Save,
  network: Network,
  serial: Cable,
  sound: Volume2,
  usb: Usb,
  other: Package,
};

const interfaces = ["ide", "ahci", "virtio-blk", "virtio-scsi", "nvme"] as const;
const formats = newDiskFormats.map(({ format }) => format);

/** A note in the user's language. The importer's own English says more, so it stands where English is spoken. */
export function useNoteSentence(): (note: ApplianceNote) => string {
  const { t, i18n } = useTranslation();
  return (note) => (i18n.language.startsWith("en") ? note.message : t(`applianceNote.${note.code}`));
}

interface ApplianceItemRowProps {
  item: ApplianceItem;
  choices: ItemChoices;
  fileProblem: FileNameProblem | undefined;
  onChange: (choices: ItemChoices) => void;
}

function DiskChoices({ item, choices, fileProblem, onChange }: ApplianceItemRowProps) {
  const { t } = useTranslation();
  if (item.kind !== "disk" || item.outcome === "skipped") return null;
  return (
    <span className="appliance-choices">
      <Select<ItemChoices["interface"]>
        label={t("appliance.controllerOf", { item: item.label })}
        hideLabel
        value={choices.interface}
        disabled={!choices.include}
        onChange={(on) => onChange({ ...choices, interface: on })}
        options={interfaces.map((id) => ({ id, label: t(`controller.${id}`) }))}
      />
      <Select<ItemChoices["format"]>
        label={t("appliance.formatOf", { item: item.label })}
        hideLabel
        value={choices.format}
        disabled={!choices.include}
        onChange={(format) => onChange(withFormat(choices, format))}
        options={formats.map((id) => ({ id, label: id.toUpperCase() }))}
      />
      <TextField
        label={t("appliance.fileOf", { item: item.label })}
        hideLabel
        value={choices.fileName}
        disabled={!choices.include}
        onChange={(fileName) => onChange({ ...choices, fileName })}
        error={fileProblem === undefined ? undefined : t(`issue.${fileProblem}`)}
      />
    </span>
  );
}

/** One piece of hardware of an appliance: what becomes of it, and what can be decided about it. */
export function ApplianceItemRow(props: ApplianceItemRowProps) {
  const { t, i18n } = useTranslation();
  const sentenceOf = useNoteSentence();
  const { item, choices, onChange } = props;
  const Icon = icons[item.kind];
  const size = item.kind === "disk" && item.capacityBytes > 0 ? formatBytes(item.capacityBytes, i18n.language) : "";
  const file = "file" in item && item.file !== null ? item.file : "";
  return (
    <li className={`appliance-item appliance-${choices.include ? item.outcome : "skipped"}`}>
      <Icon size={16} aria-hidden className="tree-icon" />
      <span className="appliance-words">
        {mayLeaveOut(item) ? (
          <Checkbox selected={choices.include} onChange={(include) => onChange({ ...choices, include })}>
            {item.label}
          </Checkbox>
        ) : (
          <span>{item.label}</span>
        )}
        <span className="quiet">{[file, size].filter(Boolean).join(", ")}</span>
        {item.notes.map((note) => (
          <span key={`${note.code} ${note.message}`} className="appliance-note">
            {sentenceOf(note)}
          </span>
        ))}
      </span>
      <DiskChoices {...props} />
      <span className="appliance-outcome">{t(`appliance.outcome.${choices.include ? item.outcome : "skipped"}`)}</span>
    </li>
  );
}
