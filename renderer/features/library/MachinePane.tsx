import { ChevronDown } from "lucide-react";
import { Tab, TabList, TabPanel, Tabs, Toolbar } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { isLive } from "../../../engine/api/MachineState.ts";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { type MachineTab, navigate } from "../../app/routes.ts";
import { useServices } from "../../state/AppContext.tsx";
import { useMachineActions } from "../../state/useMachineActions.tsx";
import { Button } from "../../ui/Button.tsx";
import { type MenuAction, MenuButton } from "../../ui/Menu.tsx";
import { ActivityTab } from "../activity/ActivityTab.tsx";
import { ConsoleView } from "../console/ConsoleView.tsx";
import { DetailsTab } from "../details/DetailsTab.tsx";
import { InaccessiblePane } from "../details/InaccessiblePane.tsx";
import { LogsTab } from "../logs/LogsTab.tsx";
import { SnapshotsTab } from "../snapshots/SnapshotsTab.tsx";
import { newMachineAction } from "./newMachineAction.tsx";

function ToolButton({ action, primary = false }: { action: MenuAction; primary?: boolean }) {
  return (
    <Button
      variant={primary && action.disabled !== true ? "primary" : "flat"}
      isDisabled={action.disabled ?? false}
      onPress={action.run}
    >
      {action.icon}
      {action.label}
    </Button>
  );
}

function MachineToolbar({ machine }: { machine: MachineSummary }) {
  const { t } = useTranslation();
  const { shell } = useServices();
  const actions = useMachineActions(machine);
  const live = isLive(machine.state.kind);
  return (
    <Toolbar className="toolbar" aria-label={t("library.toolbar")}>
      <ToolButton action={newMachineAction(shell, t)} />
      <ToolButton action={actions.settings} />
      <span className="toolbar-divider" />
      {live ? (
        <ToolButton action={actions.show} primary />
      ) : (
        <span className="split-button">
          <ToolButton action={actions.start} primary />
          <MenuButton
            label={t("actions.startMenu")}
            className={`button button-icon ${actions.start.disabled === true ? "button-flat" : "button-primary"}`}
            disabled={actions.start.disabled ?? false}
            entries={[actions.start, actions.startInWindow, actions.startHidden]}
          >
            <ChevronDown size={14} aria-hidden />
          </MenuButton>
        </span>
      )}
      {machine.state.kind === "saved" ? (
        <ToolButton action={actions.discardState} />
      ) : (
        <ToolButton action={actions.pause} />
      )}
      <ToolButton action={actions.reset} />
      <span className="split-button">
        <ToolButton action={actions.shutDown} />
        <MenuButton
          label={t("actions.shutDownMenu")}
          className="button button-icon button-flat"
          disabled={actions.powerOff.disabled ?? false}
          entries={[actions.saveState, actions.shutDown, actions.powerOff]}
        >
          <ChevronDown size={14} aria-hidden />
        </MenuButton>
      </span>
    </Toolbar>
  );
}

/** Everything about one machine: its toolbar and its tabs. */
export function MachinePane({ machine, tab }: { machine: MachineSummary; tab: MachineTab }) {
  const { t } = useTranslation();
  if (machine.state.kind === "inaccessible") return <InaccessiblePane machine={machine} />;
  return (
    <>
      <MachineToolbar machine={machine} />
      <Tabs
        className="tabs"
        selectedKey={tab}
        onSelectionChange={(key) => navigate({ kind: "machine", id: machine.id, tab: key as MachineTab })}
      >
        <TabList className="tab-list" aria-label={machine.name}>
          <Tab id="details" className="tab">
            {t("tabs.details")}
          </Tab>
          <Tab id="console" className="tab">
            {t("tabs.console")}
          </Tab>
          <Tab id="snapshots" className="tab">
            {t("tabs.snapshots")}
          </Tab>
          <Tab id="logs" className="tab">
            {t("tabs.logs")}
          </Tab>
          <Tab id="activity" className="tab">
            {t("tabs.activity")}
          </Tab>
        </TabList>
        <TabPanel id="details" className="tab-panel">
          <DetailsTab machine={machine} />
        </TabPanel>
        <TabPanel id="console" className="tab-panel tab-panel-console">
          <ConsoleView machine={machine} />
        </TabPanel>
        <TabPanel id="snapshots" className="tab-panel">
          <SnapshotsTab machine={machine} />
        </TabPanel>
        <TabPanel id="logs" className="tab-panel">
          <LogsTab machine={machine} />
        </TabPanel>
        <TabPanel id="activity" className="tab-panel">
          <ActivityTab machine={machine} />
        </TabPanel>
      </Tabs>
    </>
  );
}
