import { useState } from "react";
import { useTranslation } from "react-i18next";
import { isLegal } from "../../../engine/api/commandLegality.ts";
import { isLive } from "../../../engine/api/MachineState.ts";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { useAttempt, useServices } from "../../state/AppContext.tsx";
import { withPassphrase } from "../../state/passphrases.ts";
import { baseName } from "../../ui/formatQuantities.ts";
import { type HotPlugInterface, hotPlugInterfaces, interfaceOf, isInSlot, type StorageDevice } from "./storageDraft.ts";

export interface HotPlug {
  /** Controllers of the running machine that take disks. */
  readonly interfaces: readonly HotPlugInterface[];
  readonly mayUnplug: (device: StorageDevice) => boolean;
  readonly plug: (path: string, on: HotPlugInterface) => void;
  /** Asks first: the guest may be using it. */
  readonly unplug: (device: StorageDevice) => void;
}

/** Disks that come and go while the machine runs: at once, not with the rest of the settings. Undefined while it does not run. */
export function useHotPlug(machine: MachineSummary): HotPlug | undefined {
  const { t } = useTranslation();
  const { session, shell } = useServices();
  const attempt = useAttempt();
  const { id, config } = machine;
  const drives = [...(config?.storage.disks ?? []), ...(config?.storage.opticals ?? [])];
  // A controller stays when its last disk goes.
  const [atOpening] = useState(() => new Set(drives.map(interfaceOf)));
  if (!isLive(machine.state.kind) || !isLegal("machine.attachDisk", machine.state.kind)) return undefined;
  const interfaces = hotPlugInterfaces.filter((on) => isInSlot(on) || atOpening.has(on));
  const unplug = ({ index, path }: StorageDevice) => {
    const name = baseName(path ?? "");
    shell.open({
      kind: "confirm",
      confirmation: {
        title: t("hotPlug.unplugTitle", { name }),
        body: t("hotPlug.unplugBody", { machine: machine.name }),
        action: t("hotPlug.unplug"),
        danger: true,
        run: () =>
          void attempt(t("failure.unplug", { name }), () => session.call("machine.detachDisk", { id, slot: index })),
      },
    });
  };
  return {
    interfaces,
    mayUnplug: ({ kind, index }) => {
      const disk = kind === "disk" ? config?.storage.disks[index] : undefined;
      return disk !== undefined && interfaces.some((on) => on === interfaceOf(disk));
    },
    plug: (path, on) =>
      void attempt(t("failure.plug", { name: baseName(path) }), () =>
        withPassphrase(shell, (given) =>
          session.call("machine.attachDisk", { id, disk: { path, interface: on }, ...given }),
        ),
      ),
    unplug,
  };
}
