import type { MachineActions } from "../../state/useMachineActions.tsx";
import type { MenuEntry } from "../../ui/Menu.tsx";

/** The Machine menu, which is also the right-click menu of the list. */
export function machineMenu(actions: MachineActions): MenuEntry[] {
  return [
    actions.start,
    actions.startInWindow,
    actions.startHidden,
    { kind: "separator", id: "afterStart" },
    actions.show,
    actions.showInWindow,
    { kind: "separator", id: "afterShow" },
    actions.pause,
    actions.reset,
    actions.saveState,
    actions.discardState,
    actions.shutDown,
    actions.powerOff,
    { kind: "separator", id: "afterPower" },
    actions.settings,
    actions.takeSnapshot,
    actions.clone,
    actions.rename,
    actions.remove,
  ];
}
