import { Activity, HardDrive, House } from "lucide-react";
import { useState } from "react";
import { GridList, GridListItem, Link, Text } from "react-aria-components";
import { useTranslation } from "react-i18next";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { osTypeById } from "../../../engine/api/osTypes.ts";
import { formatRoute, navigate, type Route } from "../../app/routes.ts";
import { useHost, useMachine } from "../../state/AppContext.tsx";
import { useMachineActions } from "../../state/useMachineActions.tsx";
import { ContextMenu } from "../../ui/Menu.tsx";
import { type PagePoint, rowOfContextMenu } from "../../ui/rowOfContextMenu.ts";
import { StateIcon } from "../../ui/StateIcon.tsx";
import { SystemIcon } from "../../ui/SystemIcon.tsx";
import { StateWord } from "../details/StateWord.tsx";
import { machineMenu } from "./machineMenu.ts";

interface MenuPlace {
  id: string;
  at: PagePoint;
}

function ToolLink({
  route,
  current,
  icon,
  label,
}: {
  route: Route;
  current: boolean;
  icon: React.ReactNode;
  label: string;
}) {
  return (
    <Link className="tool-link" href={formatRoute(route)} {...(current ? { "aria-current": "page" } : {})}>
      {icon}
      {label}
    </Link>
  );
}

function MachineRow({ machine }: { machine: MachineSummary }) {
  const system = machine.config === null ? undefined : osTypeById(machine.config.osType);
  return (
    <>
      <SystemIcon family={system?.family ?? "other"} bits={system?.bits} />
      <span className="machine-words">
        <Text className="machine-name truncate">{machine.name}</Text>
        <Text slot="description" className="machine-state truncate">
          <StateIcon state={machine.state.kind} size={13} />
          <StateWord machine={machine} />
        </Text>
      </span>
    </>
  );
}

function RowMenu({ place, onClose }: { place: MenuPlace; onClose: () => void }) {
  const machine = useMachine(place.id);
  const actions = useMachineActions(machine);
  return <ContextMenu label={machine?.name ?? ""} at={place.at} entries={machineMenu(actions)} onClose={onClose} />;
}

function MachineList({ selectedId }: { selectedId: string | undefined }) {
  const { t } = useTranslation();
  const machines = useHost((state) => state.machines);
  const selected = useMachine(selectedId);
  const actions = useMachineActions(selected);
  const [menu, setMenu] = useState<MenuPlace>();
  const openMenu = (event: React.MouseEvent) => {
    const row = rowOfContextMenu(event);
    if (row === undefined) return;
    navigate({ kind: "machine", id: row.key, tab: "details" });
    setMenu({ id: row.key, at: row.at });
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys that bubble up from the list of machines
    <div
      className="machine-list-frame"
      onContextMenu={openMenu}
      onKeyDown={(event) => {
        if (event.key === "Delete" && selected !== undefined && actions.remove.disabled !== true) actions.remove.run();
      }}
    >
      <GridList
        aria-label={t("library.machines")}
        className="machine-list"
        items={machines}
        selectionMode="single"
        selectionBehavior="replace"
        selectedKeys={selectedId === undefined ? [] : [selectedId]}
        onSelectionChange={(keys) => {
          const [id] = keys === "all" ? [] : [...keys];
          if (typeof id === "string" && id !== selectedId) navigate({ kind: "machine", id, tab: "details" });
        }}
        onAction={(key) => {
          const machine = machines.find((candidate) => candidate.id === key);
          if (machine?.id !== selectedId) return;
          if (actions.start.disabled !== true) actions.start.run();
          else if (actions.show.disabled !== true) actions.show.run();
        }}
        renderEmptyState={() => <p className="machine-list-empty quiet">{t("library.empty")}</p>}
      >
        {(machine) => (
          <GridListItem id={machine.id} textValue={machine.name} className="machine-row">
            <MachineRow machine={machine} />
          </GridListItem>
        )}
      </GridList>
      {menu === undefined ? null : <RowMenu place={menu} onClose={() => setMenu(undefined)} />}
    </div>
  );
}

export function Sidebar({ route }: { route: Route }) {
  const { t } = useTranslation();
  return (
    <aside className="sidebar">
      <nav aria-label={t("library.tools")}>
        <ToolLink
          route={{ kind: "home" }}
          current={route.kind === "home"}
          icon={<House size={16} aria-hidden />}
          label={t("library.home")}
        />
        <ToolLink
          route={{ kind: "media", tab: "disk" }}
          current={route.kind === "media"}
          icon={<HardDrive size={16} aria-hidden />}
          label={t("library.media")}
        />
        <ToolLink
          route={{ kind: "overview" }}
          current={route.kind === "overview"}
          icon={<Activity size={16} aria-hidden />}
          label={t("library.overview")}
        />
      </nav>
      <h2 className="sidebar-heading">{t("library.machines")}</h2>
      <MachineList selectedId={route.kind === "machine" ? route.id : undefined} />
    </aside>
  );
}
