import { ChevronRight, CircleAlert, CircuitBoard, Disc3, HardDrive, type LucideIcon, Save } from "lucide-react";
import { useState } from "react";
import { Button, Collection, Tree, TreeItem, TreeItemContent } from "react-aria-components";
import { useTranslation } from "react-i18next";
import type { DiskFacts } from "../../state/useDiskFacts.ts";
import { baseName } from "../../ui/formatQuantities.ts";
import { idePlaceName } from "../details/detailSections.ts";
import {
  type DeviceKind,
  diskProblem,
  isInSlot,
  type Storage,
  type StorageController,
  type StorageDevice,
  type storageControllers,
} from "./storageDraft.ts";

const icons: Record<DeviceKind, LucideIcon> = { disk: HardDrive, optical: Disc3, floppy: Save };

/** The name of the file in a drive, as its user knows it. */
export function mediumName(path: string | null, disks: ReadonlyMap<string, DiskFacts>): string | undefined {
  if (path === null || path === "") return undefined;
  return disks.get(path)?.name ?? baseName(path);
}

/** "Hard disk: disk.qcow2", for trees and for screen readers. */
export function useDeviceName(disks: ReadonlyMap<string, DiskFacts>): (device: StorageDevice) => string {
  const { t } = useTranslation();
  return ({ kind, path }) => t(`drive.titled.${kind}`, { medium: mediumName(path, disks) ?? t("details.empty") });
}

function usePlaceName(): (controller: StorageController, device: StorageDevice) => string {
  const { t } = useTranslation();
  return ({ id }, { place }) => {
    if (id === "ide") return idePlaceName(place, t);
    if (id === "floppy") return t("details.floppyDrive", { letter: place === 0 ? "A" : "B" });
    return isInSlot(id) ? t("storage.slot", { number: place }) : t("storage.port", { number: place });
  };
}

function DeviceRow({
  controller,
  device,
  disks,
  bad,
}: {
  controller: StorageController;
  device: StorageDevice;
  disks: ReadonlyMap<string, DiskFacts>;
  bad: boolean;
}) {
  const { t } = useTranslation();
  const nameOf = useDeviceName(disks);
  const placeOf = usePlaceName();
  const Icon = icons[device.kind];
  const place = placeOf(controller, device);
  const medium = mediumName(device.path, disks);
  return (
    <TreeItem id={device.id} textValue={`${nameOf(device)}, ${place}`} className="tree-row">
      <TreeItemContent>
        <span className="storage-row">
          <Icon size={16} aria-hidden className="tree-icon" />
          <span className="storage-words">
            <span className={`truncate${medium === undefined ? " quiet" : ""}`}>{medium ?? t("details.empty")}</span>
            <span className="quiet storage-place">{place}</span>
          </span>
          {bad ? <CircleAlert size={14} className="state-aborted" aria-hidden /> : null}
        </span>
      </TreeItemContent>
    </TreeItem>
  );
}

interface StorageTreeProps {
  controllers: ReturnType<typeof storageControllers>;
  storage: Storage;
  disks: ReadonlyMap<string, DiskFacts>;
  selectedId: string | undefined;
  onSelect: (id: string) => void;
  onRemove: () => void;
}

/** Controllers with their devices. Controllers are headings: only devices can be chosen. */
export function StorageTree({ controllers, storage, disks, selectedId, onSelect, onRemove }: StorageTreeProps) {
  const { t } = useTranslation();
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const all = controllers.map(({ id }) => id);
  const isBad = ({ kind, index }: StorageDevice) => {
    const disk = kind === "disk" ? storage.disks[index] : undefined;
    return disk !== undefined && diskProblem(disk) !== undefined;
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys that bubble up from the tree
    <div
      className="storage-tree-frame"
      onKeyDown={(event) => {
        if (event.key === "Delete") onRemove();
      }}
    >
      <Tree
        aria-label={t("section.storage")}
        className="tree"
        items={controllers}
        dependencies={[storage, disks]}
        selectionMode="single"
        selectionBehavior="replace"
        selectedKeys={selectedId === undefined ? [] : [selectedId]}
        disabledBehavior="selection"
        disabledKeys={all}
        expandedKeys={all.filter((id) => !closed.has(id))}
        onExpandedChange={(keys) => setClosed(new Set(all.filter((id) => !keys.has(id))))}
        onSelectionChange={(keys) => {
          const [id] = keys === "all" ? [] : [...keys];
          if (typeof id === "string") onSelect(id);
        }}
      >
        {(controller) => (
          <TreeItem id={controller.id} textValue={t(`controller.${controller.id}`)} className="tree-row storage-head">
            <TreeItemContent>
              <span className="storage-row">
                <Button
                  slot="chevron"
                  className="tree-chevron"
                  aria-label={t("storage.onController", { controller: t(`controller.${controller.id}`) })}
                >
                  <ChevronRight size={14} aria-hidden />
                </Button>
                <CircuitBoard size={15} aria-hidden className="tree-icon" />
                <span className="truncate">{t(`controller.${controller.id}`)}</span>
              </span>
            </TreeItemContent>
            <Collection items={controller.devices} dependencies={[storage, disks]}>
              {(device) => <DeviceRow controller={controller} device={device} disks={disks} bad={isBad(device)} />}
            </Collection>
          </TreeItem>
        )}
      </Tree>
    </div>
  );
}
