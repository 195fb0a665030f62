/** What one can do with a medium, as data for its toolbar and its right-click menu. */
import { Copy, FolderInput, Minimize2, Scaling, ShieldCheck, Trash2, Unplug } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Medium } from "../../../engine/api/mediumProtocol.ts";
import { useAttempt, useHost, useServices } from "../../state/AppContext.tsx";
import { withPassphrase } from "../../state/passphrases.ts";
import type { MediumWork } from "../../state/shellState.ts";
import type { MenuAction } from "../../ui/Menu.tsx";
import { type MediumDeed, possibleDeeds } from "./mediumRules.ts";

const icons = {
  copy: Copy,
  move: FolderInput,
  resize: Scaling,
  compact: Minimize2,
  check: ShieldCheck,
  release: Unplug,
  remove: Trash2,
};

const deeds: readonly MediumDeed[] = ["copy", "move", "resize", "compact", "check", "release", "remove"];

export function useMediumActions(medium: Medium | undefined): readonly MenuAction[] {
  const { t } = useTranslation();
  const { session, shell } = useServices();
  const attempt = useAttempt();
  const media = useHost((state) => state.media) ?? [];
  const possible = possibleDeeds(medium, media);
  const run = (deed: MediumDeed) => {
    if (medium === undefined) return;
    const { path, name } = medium;
    switch (deed) {
      case "compact":
        return void attempt(t("failure.media.compact", { name }), () =>
          withPassphrase(shell, (given) => session.call("media.compact", { path, ...given })),
        );
      case "release": {
        const users = medium.attachedTo.filter((use) => use.snapshotId === null).map((use) => use.machineName);
        return shell.open({
          kind: "confirm",
          confirmation: {
            title: t("media.releaseTitle", { name }),
            body: t("media.releaseBody", { name, machines: [...new Set(users)].join(", ") }),
            action: t("media.deed.release"),
            danger: false,
            run: () =>
              void attempt(t("failure.media.release", { name }), () =>
                session.call("media.release", { path, machineId: null }),
              ),
          },
        });
      }
      default:
        return shell.open({ kind: "medium", work: deed satisfies MediumWork, path });
    }
  };
  return deeds
    .filter((deed) => medium?.kind === "disk" || medium === undefined || !["resize", "compact", "check"].includes(deed))
    .map((deed): MenuAction => {
      const Icon = icons[deed];
      return {
        kind: "action",
        id: deed,
        label: t(`media.deed.${deed}`),
        icon: <Icon size={16} aria-hidden />,
        disabled: !possible.has(deed),
        danger: deed === "remove",
        run: () => run(deed),
      };
    });
}
