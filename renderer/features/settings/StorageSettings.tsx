import { Disc3, HardDrive, Plus, Save, Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { FLOPPY_DRIVES_MAX, IDE_DEVICES_MAX } from "../../../engine/api/checkMachineDraft.ts";
import type { MachineDraft } from "../../../engine/api/MachineConfig.ts";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { useFileFilters } from "../../state/useFileChooser.ts";
import { Button } from "../../ui/Button.tsx";
import { FileField } from "../../ui/FileField.tsx";
import { IconButton } from "../../ui/IconButton.tsx";
import { Notice } from "../../ui/Notice.tsx";
import { idePlaceName, idePositions } from "../details/detailSections.ts";
import { NewDiskForm } from "./NewDiskForm.tsx";
import type { SettingsSectionProps } from "./SettingsDialog.tsx";

type Storage = MachineDraft["storage"];

interface DriveRowProps {
  icon: ReactNode;
  place: string;
  path: string | null;
  onPath: (path: string) => void;
  onRemove: () => void;
  kind: "disk" | "optical" | "floppy";
  locked: boolean;
}

function DriveRow({ icon, place, path, onPath, onRemove, kind, locked }: DriveRowProps) {
  const { t } = useTranslation();
  const filters = useFileFilters();
  const name = t(`drive.place.${kind}`, { place });
  return (
    <div className="drive-row">
      {icon}
      <span className="drive-place">{place}</span>
      <div className="grow">
        <FileField
          label={name}
          hideLabel
          value={path ?? ""}
          onChange={onPath}
          choose={{ title: t(`drive.choose.${kind}`), filters: filters(kind) }}
          disabled={locked}
          placeholder={t("details.empty")}
          clearable={kind !== "disk"}
        />
      </div>
      <IconButton name={t("drive.remove", { name })} isDisabled={locked} onPress={onRemove}>
        <Trash2 size={15} aria-hidden />
      </IconButton>
    </div>
  );
}

function replaced<T>(items: readonly T[], index: number, item: T): T[] {
  return items.map((other, at) => (at === index ? item : other));
}

function without<T>(items: readonly T[], index: number): T[] {
  return items.filter((_, at) => at !== index);
}

interface ControllerProps {
  storage: Storage;
  set: (part: Partial<Storage>) => void;
  locked: boolean;
}

function AddButton({ label, disabled, onPress }: { label: string; disabled: boolean; onPress: () => void }) {
  return (
    <Button variant="flat" isDisabled={disabled} onPress={onPress}>
      <Plus size={15} aria-hidden />
      {label}
    </Button>
  );
}

/** Rows of removable drives: an empty path is an empty drive. */
function removableRows(
  kind: "optical" | "floppy",
  drives: Storage["opticals"],
  placeName: (index: number) => string,
  setDrives: (drives: Storage["opticals"]) => void,
  locked: boolean,
): ReactNode[] {
  const Icon = kind === "optical" ? Disc3 : Save;
  return drives.map((drive, index) => (
    <DriveRow
      key={`${kind}-${placeName(index)}`}
      icon={<Icon size={16} aria-hidden />}
      place={placeName(index)}
      path={drive.path}
      kind={kind}
      locked={locked}
      onPath={(path) => setDrives(replaced(drives, index, { path: path === "" ? null : path }))}
      onRemove={() => setDrives(without(drives, index))}
    />
  ));
}

function IdeController({ storage, set, locked, folder }: ControllerProps & { folder: string }) {
  const { t } = useTranslation();
  const [makingDisk, setMakingDisk] = useState(false);
  const { disks, opticals } = storage;
  const places = idePositions(disks.length, opticals.length);
  const full = locked || disks.length + opticals.length >= IDE_DEVICES_MAX;
  const addDisk = (path: string) => {
    setMakingDisk(false);
    set({ disks: [...disks, { path }] });
  };
  return (
    <fieldset className="settings-group stack">
      <legend className="field-label">{t("settings.ideController")}</legend>
      {disks.map((disk, index) => (
        <DriveRow
          key={`disk-${places.disks[index]}`}
          icon={<HardDrive size={16} aria-hidden />}
          place={idePlaceName(places.disks[index] ?? 0, t)}
          path={disk.path}
          kind="disk"
          locked={locked}
          onPath={(path) => set({ disks: replaced(disks, index, { path }) })}
          onRemove={() => set({ disks: without(disks, index) })}
        />
      ))}
      {removableRows(
        "optical",
        opticals,
        (index) => idePlaceName(places.opticals[index] ?? 3, t),
        (drives) => set({ opticals: drives }),
        locked,
      )}
      <div className="input-row">
        <AddButton label={t("settings.addDisk")} disabled={full} onPress={() => setMakingDisk(true)} />
        <AddButton
          label={t("settings.addOptical")}
          disabled={full}
          onPress={() => set({ opticals: [...opticals, { path: null }] })}
        />
      </div>
      {makingDisk ? <NewDiskForm folder={folder} onCancel={() => setMakingDisk(false)} onDisk={addDisk} /> : null}
    </fieldset>
  );
}

function FloppyController({ storage, set, locked }: ControllerProps) {
  const { t } = useTranslation();
  const { floppies } = storage;
  return (
    <fieldset className="settings-group stack">
      <legend className="field-label">{t("settings.floppyController")}</legend>
      {removableRows(
        "floppy",
        floppies,
        (index) => t("details.floppyDrive", { letter: index === 0 ? "A" : "B" }),
        (drives) => set({ floppies: drives }),
        locked,
      )}
      <div className="input-row">
        <AddButton
          label={t("settings.addFloppy")}
          disabled={locked || floppies.length >= FLOPPY_DRIVES_MAX}
          onPress={() => set({ floppies: [...floppies, { path: null }] })}
        />
      </div>
    </fieldset>
  );
}

/** The drives of a machine by controller and place. */
export function StorageSettings({
  draft,
  change,
  problem,
  locked,
  machine,
}: SettingsSectionProps & { machine: MachineSummary }) {
  const { storage } = draft;
  const set = (part: Partial<Storage>) => change({ storage: { ...storage, ...part } });
  const problems = [problem("storage.disks"), problem("storage.opticals"), problem("storage.floppies")].filter(Boolean);
  return (
    <>
      {problems.length > 0 ? <Notice kind="error">{problems.join(" ")}</Notice> : null}
      <IdeController storage={storage} set={set} locked={locked} folder={machine.folder} />
      <FloppyController storage={storage} set={set} locked={locked} />
    </>
  );
}
