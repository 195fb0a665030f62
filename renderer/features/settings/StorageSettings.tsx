import { Disc3, HardDrive, Plus, Save, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { FLOPPY_DRIVES_MAX, IDE_DEVICES_MAX } from "../../../engine/api/checkMachineDraft.ts";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { useServices } from "../../state/AppContext.tsx";
import { type DiskFacts, useDiskFacts } from "../../state/useDiskFacts.ts";
import { useDriveMenu } from "../../state/useDriveMenu.tsx";
import { useFileChooser, useFileFilters } from "../../state/useFileChooser.ts";
import { Button } from "../../ui/Button.tsx";
import { FileField } from "../../ui/FileField.tsx";
import { IconButton } from "../../ui/IconButton.tsx";
import { type MenuAction, MenuButton } from "../../ui/Menu.tsx";
import { Notice } from "../../ui/Notice.tsx";
import { Select } from "../../ui/Select.tsx";
import { diskValue } from "../details/detailSections.ts";
import { DiskAttributeFields } from "./DiskAttributeFields.tsx";
import type { SettingsSectionProps } from "./SettingsDialog.tsx";
import { StorageTree, useDeviceName } from "./StorageTree.tsx";
import {
  changeDisk,
  devicesOnIdeCount,
  diskProblem,
  type HotPlugInterface,
  interfaceForNewDisk,
  type OpticalInterface,
  opticalInterfaces,
  type Storage,
  type StorageDevice,
  storageControllers,
  withDisk,
  withOpticalInterface,
  withoutDevice,
  withPath,
} from "./storageDraft.ts";
import { type HotPlug, useHotPlug } from "./useHotPlug.ts";

/** While the machine runs: disks for controllers that take them then. */
function PlugMenu({ hotPlug, folder }: { hotPlug: HotPlug; folder: string }) {
  const { t } = useTranslation();
  const chooseFile = useFileChooser();
  const filters = useFileFilters();
  const choose = async (on: HotPlugInterface) => {
    const title = t("drive.choose.disk");
    const path = await chooseFile({ title, mode: "open", filters: filters("disk"), startAt: folder });
    if (path !== undefined) hotPlug.plug(path, on);
  };
  return (
    <MenuButton
      label={t("hotPlug.plug")}
      className="button button-flat"
      disabled={hotPlug.interfaces.length === 0}
      entries={hotPlug.interfaces.map(
        (on): MenuAction => ({
          kind: "action",
          id: on,
          label: t("hotPlug.plugInto", { controller: t(`controller.${on}`) }),
          icon: <HardDrive size={16} />,
          run: () => void choose(on),
        }),
      )}
    >
      <Plus size={15} aria-hidden />
      {t("hotPlug.plug")}
    </MenuButton>
  );
}

interface StorageEditing {
  storage: Storage;
  set: (storage: Storage) => void;
  locked: boolean;
}

function AddMenu({
  storage,
  set,
  locked,
  folder,
  onAdded,
}: StorageEditing & { folder: string; onAdded: (deviceId: string) => void }) {
  const { t } = useTranslation();
  const { shell } = useServices();
  const chooseFile = useFileChooser();
  const filters = useFileFilters();
  const onIde = devicesOnIdeCount(storage);
  const addDisk = (path: string) => {
    set(withDisk(storage, path, interfaceForNewDisk(storage, IDE_DEVICES_MAX)));
    onAdded(`disk${storage.disks.length}`);
  };
  const chooseDisk = async () => {
    const title = t("drive.choose.disk");
    const path = await chooseFile({ title, mode: "open", filters: filters("disk"), startAt: folder });
    if (path !== undefined) addDisk(path);
  };
  const action = (
    id: string,
    label: string,
    icon: React.ReactNode,
    disabled: boolean,
    run: () => void,
  ): MenuAction => ({
    kind: "action",
    id,
    label,
    icon,
    disabled,
    run,
  });
  return (
    <MenuButton
      label={t("storage.add")}
      className="button button-flat"
      disabled={locked}
      entries={[
        action("newDisk", t("storage.addNewDisk"), <HardDrive size={16} />, false, () =>
          shell.open({ kind: "createDisk", folder, made: addDisk }),
        ),
        action("oldDisk", t("settings.chooseDisk"), <HardDrive size={16} />, false, () => void chooseDisk()),
        action("optical", t("settings.addOptical"), <Disc3 size={16} />, false, () => {
          const drive = onIde < IDE_DEVICES_MAX ? { path: null } : { path: null, interface: "ahci" as const };
          set({ ...storage, opticals: [...storage.opticals, drive] });
          onAdded(`optical${storage.opticals.length}`);
        }),
        action(
          "floppy",
          t("settings.addFloppy"),
          <Save size={16} />,
          storage.floppies.length >= FLOPPY_DRIVES_MAX,
          () => {
            set({ ...storage, floppies: [...storage.floppies, { path: null }] });
            onAdded(`floppy${storage.floppies.length}`);
          },
        ),
      ]}
    >
      <Plus size={15} aria-hidden />
      {t("storage.add")}
    </MenuButton>
  );
}

/** While the settings are fixed: another disc or diskette goes in and out at once. */
function DriveButtons({ machine, device }: { machine: MachineSummary; device: StorageDevice }) {
  const menu = useDriveMenu(machine);
  if (device.kind === "disk") return null;
  return (
    <div className="input-row drive-buttons">
      {menu(device.kind, device.index, device.path).map((entry) =>
        entry.kind === "action" ? (
          <Button key={entry.id} isDisabled={entry.disabled ?? false} onPress={entry.run}>
            {entry.icon}
            {entry.label}
          </Button>
        ) : null,
      )}
    </div>
  );
}

function DeviceFields({
  device,
  storage,
  set,
  locked,
  machine,
  disks,
}: StorageEditing & {
  device: StorageDevice;
  machine: MachineSummary;
  disks: ReadonlyMap<string, DiskFacts>;
}) {
  const { t, i18n } = useTranslation();
  const filters = useFileFilters();
  const nameOf = useDeviceName(disks);
  const facts = disks.get(device.path ?? "");
  const disk = device.kind === "disk" ? storage.disks[device.index] : undefined;
  const problem = disk === undefined ? undefined : diskProblem(disk);
  return (
    <section className="stack device-fields" aria-label={nameOf(device)}>
      <FileField
        label={t(`drive.file.${device.kind}`)}
        value={device.path ?? ""}
        onChange={(path) => set(withPath(storage, device, path))}
        choose={{ title: t(`drive.choose.${device.kind}`), filters: filters(device.kind) }}
        error={problem === "disk-missing" ? t("issue.disk-missing") : undefined}
        {...(facts === undefined ? {} : { hint: diskValue(facts, t, i18n.language) })}
        disabled={locked}
        placeholder={device.kind === "disk" ? "" : t("details.empty")}
        clearable={device.kind !== "disk" && !locked}
      />
      {locked ? <DriveButtons machine={machine} device={device} /> : null}
      {device.kind === "optical" ? (
        <Select<OpticalInterface>
          label={t("storage.controller")}
          value={storage.opticals[device.index]?.interface ?? "ide"}
          disabled={locked}
          onChange={(on) => set(withOpticalInterface(storage, device.index, on))}
          options={opticalInterfaces.map((id) => ({ id, label: t(`controller.${id}`) }))}
        />
      ) : null}
      {disk === undefined ? null : (
        <DiskAttributeFields
          disk={disk}
          locked={locked}
          onChange={(changed) => set(changeDisk(storage, device.index, () => changed))}
        />
      )}
    </section>
  );
}

/** The drives of a machine: controllers and media as a tree, the chosen one's attributes beside it. */
export function StorageSettings({
  draft,
  change,
  problem,
  locked,
  machine,
}: SettingsSectionProps & { machine: MachineSummary }) {
  const { t } = useTranslation();
  const { storage } = draft;
  const set = (next: Storage) => change({ storage: next });
  const controllers = storageControllers(storage);
  const devices = controllers.flatMap((controller) => controller.devices);
  const [selectedId, setSelectedId] = useState(devices[0]?.id);
  const selected = devices.find((device) => device.id === selectedId);
  const disks = useDiskFacts(machine);
  const nameOf = useDeviceName(disks);
  const editing: StorageEditing = { storage, set, locked };
  const chosenDisk = selected?.kind === "disk" ? storage.disks[selected.index] : undefined;
  // What is wrong with the chosen disk stands beside its field.
  const saidBeside = chosenDisk !== undefined && diskProblem(chosenDisk) !== undefined;
  const ofDisks = saidBeside ? undefined : problem("storage.disks");
  const problems = [ofDisks, problem("storage.opticals"), problem("storage.floppies")].filter(Boolean);
  const hotPlug = useHotPlug(machine);
  const mayRemove = selected !== undefined && (hotPlug === undefined ? !locked : hotPlug.mayUnplug(selected));
  const remove = (device: StorageDevice) => {
    if (hotPlug !== undefined) return hotPlug.unplug(device);
    set(withoutDevice(storage, device));
    setSelectedId(undefined);
  };
  return (
    <>
      {problems.length > 0 ? <Notice kind="error">{problems.join(" ")}</Notice> : null}
      <div className="storage">
        <div className="storage-side">
          <StorageTree
            controllers={controllers}
            storage={storage}
            disks={disks}
            selectedId={selected?.id}
            onSelect={setSelectedId}
            onRemove={() => {
              if (selected !== undefined && mayRemove) remove(selected);
            }}
          />
          <div className="storage-tools">
            {hotPlug === undefined ? (
              <AddMenu {...editing} folder={machine.folder} onAdded={setSelectedId} />
            ) : (
              <PlugMenu hotPlug={hotPlug} folder={machine.folder} />
            )}
            <IconButton
              name={selected === undefined ? t("storage.removeNothing") : t("drive.remove", { name: nameOf(selected) })}
              isDisabled={!mayRemove}
              onPress={() => {
                if (selected !== undefined) remove(selected);
              }}
            >
              <Trash2 size={15} aria-hidden />
            </IconButton>
          </div>
        </div>
        {selected === undefined ? (
          <p className="quiet device-fields">{t("storage.chooseDevice")}</p>
        ) : (
          <DeviceFields key={selected.id} device={selected} machine={machine} disks={disks} {...editing} />
        )}
      </div>
    </>
  );
}
