import type { TFunction } from "i18next";
import { Plus } from "lucide-react";
import type { Shell } from "../../state/shellState.ts";
import type { MenuAction } from "../../ui/Menu.tsx";

export function newMachineAction(shell: Shell, t: TFunction): MenuAction {
  return {
    kind: "action",
    id: "new",
    label: t("actions.new"),
    icon: <Plus size={16} />,
    run: () => shell.open({ kind: "newMachine" }),
  };
}
