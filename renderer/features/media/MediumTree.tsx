import { ChevronRight, CircleAlert, Disc3, HardDrive, Lock, type LucideIcon, Save } from "lucide-react";
import { useState } from "react";
import { Button, Collection, Tree, TreeItem, TreeItemContent } from "react-aria-components";
import { useTranslation } from "react-i18next";
import type { Medium, MediumKind } from "../../../engine/api/mediumProtocol.ts";
import { formatBytes } from "../../ui/formatQuantities.ts";
import { ContextMenu, type MenuEntry } from "../../ui/Menu.tsx";
import { type PagePoint, rowOfContextMenu } from "../../ui/rowOfContextMenu.ts";
import { flattenForest, type MediumNode } from "./mediaForest.ts";

const icons: Record<MediumKind, LucideIcon> = { disk: HardDrive, optical: Disc3, floppy: Save };

function MediumIcon({ medium }: { medium: Medium }) {
  const { t } = useTranslation();
  const { kind } = medium.state;
  if (kind === "ready" || kind === "inUse") {
    const Icon = medium.encrypted ? Lock : icons[medium.kind];
    return <Icon size={16} aria-hidden className="tree-icon" />;
  }
  return <CircleAlert size={16} className="tree-icon state-aborted" role="img" aria-label={t(`media.state.${kind}`)} />;
}

/** The machines that use a medium, and the snapshots of those that do not use it now. */
export function useUses(): (medium: Medium) => string[] {
  const { t } = useTranslation();
  return (medium) =>
    medium.attachedTo.map((use) =>
      use.snapshotName === null
        ? use.machineName
        : t("media.usedBySnapshot", { machine: use.machineName, snapshot: use.snapshotName }),
    );
}

function MediumRow({ node }: { node: MediumNode }) {
  const { t, i18n } = useTranslation();
  const { medium, children } = node;
  const usesOf = useUses();
  const size = (bytes: number) => (bytes > 0 ? formatBytes(bytes, i18n.language) : "-");
  const machines = [...new Set(usesOf(medium))].join(", ") || t("media.notAttached");
  const sentence = [
    medium.name,
    t("media.sizeNow", { size: size(medium.sizeBytes) }),
    t("media.attachedNow", { machines }),
  ].join(", ");
  return (
    <TreeItem id={medium.path} textValue={sentence} className="tree-row">
      <TreeItemContent>
        {({ level, hasChildItems }) => (
          <div className="medium-columns">
            <span className="tree-name" style={{ paddingInlineStart: (level - 1) * 18 }}>
              {hasChildItems ? (
                <Button slot="chevron" className="tree-chevron" aria-label={t("media.children", { name: medium.name })}>
                  <ChevronRight size={14} aria-hidden />
                </Button>
              ) : (
                <span className="tree-chevron" />
              )}
              <MediumIcon medium={medium} />
              <span className="truncate" title={medium.path}>
                {medium.name}
              </span>
            </span>
            <span className="medium-number">{size(medium.sizeBytes)}</span>
            <span className="medium-number">{size(medium.allocatedBytes)}</span>
            <span className="truncate quiet" title={machines}>
              {machines}
            </span>
          </div>
        )}
      </TreeItemContent>
      <Collection items={children}>{(child) => <MediumRow node={child} />}</Collection>
    </TreeItem>
  );
}

interface MediumTreeProps {
  label: string;
  forest: readonly MediumNode[];
  selected: Medium | undefined;
  onSelect: (path: string) => void;
  menu: readonly MenuEntry[];
  empty: string;
  onRemove: () => void;
}

/** Media as a tree with columns; everything is open, since one looks for what rests on what. */
export function MediumTree(props: MediumTreeProps) {
  const { t } = useTranslation();
  const [menuAt, setMenuAt] = useState<PagePoint>();
  const openMenu = (event: React.MouseEvent) => {
    const row = rowOfContextMenu(event);
    if (row === undefined) return;
    props.onSelect(row.key);
    setMenuAt(row.at);
  };
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const all = flattenForest(props.forest).map((medium) => medium.path);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys and clicks that bubble up from the tree
    <div
      className="medium-tree-frame"
      onContextMenu={openMenu}
      onKeyDown={(event) => {
        if (event.key === "Delete") props.onRemove();
      }}
    >
      <div className="medium-columns medium-head" aria-hidden>
        <span>{t("details.name")}</span>
        <span className="medium-number">{t("media.size")}</span>
        <span className="medium-number">{t("media.onDisk")}</span>
        <span>{t("media.attachedTo")}</span>
      </div>
      <Tree
        aria-label={props.label}
        className="tree"
        items={props.forest}
        selectionMode="single"
        selectionBehavior="replace"
        selectedKeys={props.selected === undefined ? [] : [props.selected.path]}
        onSelectionChange={(keys) => {
          const [path] = keys === "all" ? [] : [...keys];
          if (typeof path === "string") props.onSelect(path);
        }}
        expandedKeys={all.filter((path) => !closed.has(path))}
        onExpandedChange={(keys) => setClosed(new Set(all.filter((path) => !keys.has(path))))}
        renderEmptyState={() => <p className="machine-list-empty quiet">{props.empty}</p>}
      >
        {(node) => <MediumRow node={node} />}
      </Tree>
      {menuAt === undefined ? null : (
        <ContextMenu
          label={props.selected?.name ?? ""}
          at={menuAt}
          entries={props.menu}
          onClose={() => setMenuAt(undefined)}
        />
      )}
    </div>
  );
}
