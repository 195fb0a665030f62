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

/** The drives of a machine by controller and place. */
export function StorageSettings({
  draft,
  change,
  problem,
  locked,
  machine,
}: SettingsSectionProps & { machine: MachineSummary }) {
  const { t } = useTranslation();
  const [makingDisk, setMakingDisk] = useState(false);
  const { disks, opticals, floppies } = draft.storage;
  const set = (part: Partial<Storage>) => change({ storage: { ...draft.storage, ...part } });
  const places = idePositions(disks.length, opticals.length);
  const ideFull = disks.length + opticals.length >= IDE_DEVICES_MAX;
  const emptyPath = (path: string) => (path === "" ? null : path);
  const problems = [problem("storage.disks"), problem("storage.opticals"), problem("storage.floppies")].filter(Boolean);
  return (
    <>
      {problems.length > 0 ? <Notice kind="error">{problems.join(" ")}</Notice> : null}
      <fieldset className="settings-group stack">
        <legend className="field-label">{t("settings.ideController")}</legend>
        {disks.map((disk, index) => (
          <DriveRow
            // biome-ignore lint/suspicious/noArrayIndexKey: a drive is its place on the controller
            key={`disk${index}`}
            icon={<HardDrive size={16} aria-hidden />}
            place={idePlaceName(places.disks[index] ?? 0, t)}
            path={disk.path}
            kind="disk"
            locked={locked}
            onPath={(path) => set({ disks: path === "" ? without(disks, index) : replaced(disks, index, { path }) })}
            onRemove={() => set({ disks: without(disks, index) })}
          />
        ))}
        {opticals.map((drive, index) => (
          <DriveRow
            // biome-ignore lint/suspicious/noArrayIndexKey: a drive is its place on the controller
            key={`optical${index}`}
            icon={<Disc3 size={16} aria-hidden />}
            place={idePlaceName(places.opticals[index] ?? 3, t)}
            path={drive.path}
            kind="optical"
            locked={locked}
            onPath={(path) => set({ opticals: replaced(opticals, index, { path: emptyPath(path) }) })}
            onRemove={() => set({ opticals: without(opticals, index) })}
          />
        ))}
        <div className="input-row">
          <Button variant="flat" isDisabled={locked || ideFull} onPress={() => setMakingDisk(true)}>
            <Plus size={15} aria-hidden />
            {t("settings.addDisk")}
          </Button>
          <Button
            variant="flat"
            isDisabled={locked || ideFull}
            onPress={() => set({ opticals: [...opticals, { path: null }] })}
          >
            <Plus size={15} aria-hidden />
            {t("settings.addOptical")}
          </Button>
        </div>
        {makingDisk ? (
          <NewDiskForm
            folder={machine.folder}
            onCancel={() => setMakingDisk(false)}
            onDisk={(path) => {
              setMakingDisk(false);
              set({ disks: [...disks, { path }] });
            }}
          />
        ) : null}
      </fieldset>
      <fieldset className="settings-group stack">
        <legend className="field-label">{t("settings.floppyController")}</legend>
        {floppies.map((drive, index) => (
          <DriveRow
            // biome-ignore lint/suspicious/noArrayIndexKey: a drive is its place on the controller
            key={`floppy${index}`}
            icon={<Save size={16} aria-hidden />}
            place={t("details.floppyDrive", { letter: index === 0 ? "A" : "B" })}
            path={drive.path}
            kind="floppy"
            locked={locked}
            onPath={(path) => set({ floppies: replaced(floppies, index, { path: emptyPath(path) }) })}
            onRemove={() => set({ floppies: without(floppies, index) })}
          />
        ))}
        <div className="input-row">
          <Button
            variant="flat"
            isDisabled={locked || floppies.length >= FLOPPY_DRIVES_MAX}
            onPress={() => set({ floppies: [...floppies, { path: null }] })}
          >
            <Plus size={15} aria-hidden />
            {t("settings.addFloppy")}
          </Button>
        </div>
      </fieldset>
    </>
  );
}
