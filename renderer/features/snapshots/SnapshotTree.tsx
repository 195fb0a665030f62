import {
  Camera,
  ChevronRight,
  CircleDot,
  LoaderCircle,
  type LucideIcon,
  MonitorPlay,
  TriangleAlert,
} from "lucide-react";
import { useState } from "react";
import { Button, Collection, Tree, TreeItem, TreeItemContent } from "react-aria-components";
import { useTranslation } from "react-i18next";
import type { Snapshot } from "../../../engine/api/snapshotProtocol.ts";
import type { SnapshotTree as Snapshots } from "../../state/HostSession.ts";
import { formatDate } from "../../ui/formatQuantities.ts";
import { ContextMenu, type MenuEntry } from "../../ui/Menu.tsx";
import { type PagePoint, rowOfContextMenu } from "../../ui/rowOfContextMenu.ts";
import { type SnapshotNode, snapshotForest } from "./snapshotForest.ts";

/** What a snapshot holds, as a shape: the disks alone, memory too, memory that is still on its way or never came. */
const icons: Record<Snapshot["memory"], LucideIcon> = {
  none: Camera,
  arriving: LoaderCircle,
  kept: MonitorPlay,
  lost: TriangleAlert,
};

function NodeRow({ node, changed }: { node: SnapshotNode; changed: boolean }) {
  const { t, i18n } = useTranslation();
  const { snapshot } = node;
  const name = snapshot?.name ?? (changed ? t("snapshot.currentChanged") : t("snapshot.current"));
  const Icon = snapshot === undefined ? CircleDot : icons[snapshot.memory];
  const memory =
    snapshot === undefined || snapshot.memory === "none" ? undefined : t(`snapshot.memory.${snapshot.memory}`);
  return (
    <TreeItem id={node.id} textValue={memory === undefined ? name : `${name}, ${memory}`} className="tree-row">
      <TreeItemContent>
        {({ level, hasChildItems }) => (
          <div className="snapshot-row">
            <span className="tree-name" style={{ paddingInlineStart: (level - 1) * 20 }}>
              {hasChildItems ? (
                <Button slot="chevron" className="tree-chevron" aria-label={t("snapshot.children", { name })}>
                  <ChevronRight size={14} aria-hidden />
                </Button>
              ) : (
                <span className="tree-chevron" />
              )}
              <Icon
                size={16}
                aria-hidden
                className={`tree-icon${snapshot?.memory === "arriving" ? " spinner" : ""}${snapshot?.memory === "lost" ? " state-aborted" : ""}`}
              />
              <span className={`truncate${snapshot === undefined ? " snapshot-current" : ""}`}>{name}</span>
            </span>
            <span className="quiet">
              {memory === undefined ? null : <span className="snapshot-memory">{memory}</span>}
              {snapshot === undefined ? "" : formatDate(snapshot.takenMs, i18n.language)}
            </span>
          </div>
        )}
      </TreeItemContent>
      <Collection items={node.children} dependencies={[changed]}>
        {(child) => <NodeRow node={child} changed={changed} />}
      </Collection>
    </TreeItem>
  );
}

interface SnapshotTreeProps {
  tree: Snapshots;
  selectedId: string;
  onSelect: (id: string) => void;
  menu: readonly MenuEntry[];
  /** True when the key meant something. */
  onKey: (key: string) => boolean;
}

export function SnapshotTree({ tree, selectedId, onSelect, menu, onKey }: SnapshotTreeProps) {
  const { t } = useTranslation();
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const [menuAt, setMenuAt] = useState<PagePoint>();
  const all = tree.snapshots.map(({ id }) => id);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys and clicks that bubble up from the tree
    <div
      className="snapshot-tree-frame"
      onKeyDown={(event) => {
        if (!onKey(event.key)) return;
        // F2 is the machine's outside of the tree.
        event.preventDefault();
        event.stopPropagation();
      }}
      onContextMenu={(event) => {
        const row = rowOfContextMenu(event);
        if (row === undefined) return;
        onSelect(row.key);
        setMenuAt(row.at);
      }}
    >
      <Tree
        aria-label={t("tabs.snapshots")}
        className="tree"
        items={snapshotForest(tree)}
        dependencies={[tree.changed]}
        selectionMode="single"
        selectionBehavior="replace"
        disallowEmptySelection
        selectedKeys={[selectedId]}
        onSelectionChange={(keys) => {
          const [id] = keys === "all" ? [] : [...keys];
          if (typeof id === "string") onSelect(id);
        }}
        expandedKeys={all.filter((id) => !closed.has(id))}
        onExpandedChange={(keys) => setClosed(new Set(all.filter((id) => !keys.has(id))))}
      >
        {(node) => <NodeRow node={node} changed={tree.changed} />}
      </Tree>
      {menuAt === undefined ? null : (
        <ContextMenu label={t("tabs.snapshots")} at={menuAt} entries={menu} onClose={() => setMenuAt(undefined)} />
      )}
    </div>
  );
}
