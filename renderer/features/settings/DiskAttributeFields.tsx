import { useTranslation } from "react-i18next";
import {
  type DiskConfig,
  type DiskInterface,
  diskAttributes,
  type MachineDraft,
} from "../../../engine/api/MachineConfig.ts";
import { Checkbox } from "../../ui/Choices.tsx";
import { NumberInput } from "../../ui/NumberInput.tsx";
import { Select } from "../../ui/Select.tsx";
import { TextField } from "../../ui/TextField.tsx";
import { type DiskAttributes, diskInterfaces, diskProblem, withAttributes } from "./storageDraft.ts";

type Kind = DiskAttributes["kind"];
type HostCache = DiskAttributes["hostCache"];
type Format = NonNullable<MachineDraft["storage"]["disks"][number]["format"]> | "auto";

const kinds: readonly Kind[] = ["normal", "immutable", "writeThrough", "shareable", "readOnly", "multiAttach"];
const caches: readonly HostCache[] = ["writeBack", "writeThrough", "ignoreFlush"];
const formats: readonly Format[] = ["auto", "qcow2", "vdi", "vmdk", "vhd", "vhdx", "qcow", "raw"];

function withFormat({ format: _format, ...disk }: DiskConfig, format: Format): DiskConfig {
  return format === "auto" ? disk : { ...disk, format };
}

interface DiskAttributeFieldsProps {
  disk: DiskConfig;
  locked: boolean;
  onChange: (disk: DiskConfig) => void;
}

/** How a disk's file is used: the controller, what the guest is told, and what the host does with it. */
export function DiskAttributeFields({ disk, locked, onChange }: DiskAttributeFieldsProps) {
  const { t } = useTranslation();
  const attributes = diskAttributes(disk);
  const set = (change: Partial<DiskAttributes>) => onChange(withAttributes(disk, change));
  const problem = diskProblem(disk);
  return (
    <>
      <Select<DiskInterface>
        label={t("storage.controller")}
        value={attributes.interface}
        disabled={locked}
        onChange={(on) => set({ interface: on })}
        options={diskInterfaces.map((id) => ({ id, label: t(`controller.${id}`) }))}
      />
      <Select<Kind>
        label={t("storage.kind")}
        value={attributes.kind}
        hint={t(`storage.kindHint.${attributes.kind}`)}
        disabled={locked}
        onChange={(kind) => set({ kind })}
        options={kinds.map((id) => ({ id, label: t(`storage.kindName.${id}`) }))}
      />
      <Select<Format>
        label={t("disk.format")}
        value={disk.format ?? "auto"}
        disabled={locked}
        onChange={(format) => onChange(withFormat(disk, format))}
        options={formats.map((id) => ({ id, label: id === "auto" ? t("storage.formatAuto") : id.toUpperCase() }))}
      />
      <TextField
        label={t("storage.serial")}
        hint={t("storage.serialHint")}
        value={attributes.serial}
        disabled={locked}
        mono
        error={problem === undefined || problem === "disk-missing" ? undefined : t(`issue.${problem}`)}
        onChange={(serial) => set({ serial })}
      />
      <Checkbox selected={attributes.solidState} onChange={(solidState) => set({ solidState })} disabled={locked}>
        {t("storage.solidState")}
      </Checkbox>
      {attributes.interface === "virtio-blk" || attributes.interface === "nvme" ? null : (
        <Checkbox selected={attributes.removable} onChange={(removable) => set({ removable })} disabled={locked}>
          {t("storage.removable")}
        </Checkbox>
      )}
      <Checkbox selected={attributes.discard} onChange={(discard) => set({ discard })} disabled={locked}>
        {t("storage.discard")}
      </Checkbox>
      <Select<HostCache>
        label={t("storage.hostCache")}
        value={attributes.hostCache}
        disabled={locked}
        onChange={(hostCache) => set({ hostCache })}
        options={caches.map((id) => ({ id, label: t(`storage.cache.${id}`) }))}
      />
      <div className="input-row">
        <NumberInput
          label={t("storage.bandwidth")}
          hint={t("storage.noLimit")}
          value={Math.round(attributes.bytesPerSecond / 2 ** 20)}
          maximum={1_000_000}
          disabled={locked}
          onChange={(mebibytes) => set({ bytesPerSecond: mebibytes * 2 ** 20 })}
        />
        <NumberInput
          label={t("storage.operations")}
          hint={t("storage.noLimit")}
          value={attributes.operationsPerSecond}
          maximum={10_000_000}
          disabled={locked}
          onChange={(operationsPerSecond) => set({ operationsPerSecond })}
        />
      </div>
    </>
  );
}
