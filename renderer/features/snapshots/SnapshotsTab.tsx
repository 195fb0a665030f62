import { Camera, Copy, Pencil, RotateCcw, Trash2 } from "lucide-react";
import { useState } from "react";
import { Toolbar } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { isLegal } from "../../../engine/api/commandLegality.ts";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import type { Snapshot } from "../../../engine/api/snapshotProtocol.ts";
import { useServices } from "../../state/AppContext.tsx";
import { useSnapshots } from "../../state/useSnapshots.ts";
import { Button } from "../../ui/Button.tsx";
import type { MenuAction } from "../../ui/Menu.tsx";
import { Notice } from "../../ui/Notice.tsx";
import { SnapshotDetails } from "./SnapshotDetails.tsx";
import { SnapshotTree } from "./SnapshotTree.tsx";
import { CURRENT_ID } from "./snapshotForest.ts";
import "./snapshots.css";

const ICON = 16;

/** What one can do with the chosen node; without a snapshot that is the machine as it is. */
function useSnapshotActions(machine: MachineSummary, snapshot: Snapshot | undefined): MenuAction[] {
  const { t } = useTranslation();
  const { shell } = useServices();
  const { id, state } = machine;
  const snapshotId = snapshot?.id ?? "";
  const may = (command: Parameters<typeof isLegal>[0]) => isLegal(command, state.kind);
  const action = (name: string, icon: React.ReactNode, enabled: boolean, run: () => void): MenuAction => ({
    kind: "action",
    id: name,
    label: "",
    icon,
    disabled: !enabled,
    run,
  });
  const chosen = snapshot !== undefined;
  return [
    {
      ...action("take", <Camera size={ICON} aria-hidden />, may("snapshot.take"), () =>
        shell.open({ kind: "takeSnapshot", id }),
      ),
      label: t("actions.takeSnapshot"),
    },
    {
      ...action("restore", <RotateCcw size={ICON} aria-hidden />, chosen && may("snapshot.restore"), () =>
        shell.open({ kind: "restoreSnapshot", id, snapshotId }),
      ),
      label: t("snapshot.restoreEllipsis"),
    },
    {
      ...action("edit", <Pencil size={ICON} aria-hidden />, chosen && may("snapshot.edit"), () =>
        shell.open({ kind: "editSnapshot", id, snapshotId }),
      ),
      label: t("snapshot.editEllipsis"),
    },
    {
      ...action("clone", <Copy size={ICON} aria-hidden />, may("machine.clone"), () =>
        shell.open({ kind: "clone", id, snapshotId: snapshot?.id ?? null }),
      ),
      label: t("actions.clone"),
    },
    {
      ...action("delete", <Trash2 size={ICON} aria-hidden />, chosen && may("snapshot.delete"), () =>
        shell.open({ kind: "deleteSnapshot", id, snapshotId }),
      ),
      label: t("snapshot.deleteEllipsis"),
      danger: true,
    },
  ];
}

/** The past of a machine: its snapshots as a tree, what can be done with them, and the chosen one in detail. */
export function SnapshotsTab({ machine }: { machine: MachineSummary }) {
  const { t } = useTranslation();
  const tree = useSnapshots(machine.id);
  const [nodeId, setNodeId] = useState(CURRENT_ID);
  const snapshot = tree?.snapshots.find(({ id }) => id === nodeId);
  const actions = useSnapshotActions(machine, snapshot);
  const byId = (id: string) => actions.find((action) => action.id === id);
  const live = !isLegal("snapshot.restore", machine.state.kind);
  return (
    <div className="snapshots">
      <Toolbar className="toolbar" aria-label={t("snapshot.toolbar")}>
        {actions.map((action) => (
          <Button key={action.id} variant="flat" isDisabled={action.disabled ?? false} onPress={action.run}>
            {action.icon}
            {action.label}
          </Button>
        ))}
      </Toolbar>
      {live && snapshot !== undefined ? (
        <div className="snapshots-note">
          <Notice kind="info">{t("snapshot.liveNote")}</Notice>
        </div>
      ) : null}
      <div className="snapshots-body">
        {tree === undefined ? (
          <p className="machine-list-empty quiet">{t("snapshot.none")}</p>
        ) : (
          <SnapshotTree
            tree={tree}
            selectedId={snapshot === undefined ? CURRENT_ID : nodeId}
            onSelect={setNodeId}
            menu={actions}
            onKey={(key) => {
              const action = byId(key === "Delete" ? "delete" : key === "F2" ? "edit" : "");
              if (action === undefined) return false;
              if (action.disabled !== true) action.run();
              return true;
            }}
          />
        )}
        <SnapshotDetails machine={machine} snapshot={snapshot} count={tree?.snapshots.length ?? 0} />
      </div>
    </div>
  );
}
