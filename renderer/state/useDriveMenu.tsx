import { Disc3, Save } from "lucide-react";
import { useTranslation } from "react-i18next";
import { isLegal } from "../../engine/api/commandLegality.ts";
import type { MachineSummary } from "../../engine/api/MachineSummary.ts";
import { GuesthouseError } from "../../engine/base/GuesthouseError.ts";
import type { MenuEntry } from "../ui/Menu.tsx";
import { useAttempt, useServices } from "./AppContext.tsx";
import { useFileChooser, useFileFilters } from "./useFileChooser.ts";

type DriveKind = "optical" | "floppy";

/** The menu of a removable drive: choose an image, eject. Works on a running machine as on one at rest. */
export function useDriveMenu(
  machine: MachineSummary,
): (kind: DriveKind, slot: number, path: string | null) => MenuEntry[] {
  const { session, shell } = useServices();
  const attempt = useAttempt();
  const chooseFile = useFileChooser();
  const filters = useFileFilters();
  const { t } = useTranslation();
  const { id } = machine;
  const may = isLegal("media.attach", machine.state.kind);

  /** A guest may have locked the tray; then the user is asked whether to pull the disc out all the same. */
  const unlessLocked = (title: string, work: (force: boolean) => Promise<unknown>) =>
    attempt(title, async () => {
      try {
        await work(false);
      } catch (error) {
        if (!(error instanceof GuesthouseError) || error.kind !== "tray-locked") throw error;
        shell.open({
          kind: "confirm",
          confirmation: {
            title: t("confirm.forceEject.title"),
            body: t("confirm.forceEject.body", { name: machine.name }),
            action: t("confirm.forceEject.action"),
            danger: true,
            run: () => void attempt(title, () => work(true)),
          },
        });
      }
    });

  return (kind, slot, path) => [
    {
      kind: "action",
      id: `${kind}${slot}-attach`,
      label: t(path === null ? "drive.insert" : "drive.swap"),
      icon: kind === "optical" ? <Disc3 size={16} /> : <Save size={16} />,
      disabled: !may,
      run: () => {
        void chooseFile({
          title: t(`drive.choose.${kind}`),
          mode: "open",
          filters: filters(kind),
          startAt: path ?? undefined,
        }).then((chosen) => {
          if (chosen === undefined) return;
          return unlessLocked(t("failure.attach"), (force) =>
            session.call("media.attach", { id, drive: kind, slot, path: chosen, force }),
          );
        });
      },
    },
    {
      kind: "action",
      id: `${kind}${slot}-eject`,
      label: t("drive.eject"),
      disabled: !may || path === null,
      run: () =>
        void unlessLocked(t("failure.eject"), (force) => session.call("media.eject", { id, drive: kind, slot, force })),
    },
  ];
}
