import { useEffect } from "react";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { navigate, parseRoute } from "../../app/routes.ts";
import { useServices } from "../../state/AppContext.tsx";
import { useMachineActions } from "../../state/useMachineActions.tsx";

/**
 * The shortcuts of the main window, VirtualBox's where it has one. They rest while a dialog is open, while something is typed,
 * and while the console holds the keyboard (it prevents the default first).
 */
export function useManagerShortcuts(machine: MachineSummary | undefined): void {
  const { shell } = useServices();
  const actions = useMachineActions(machine);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || shell.store.getState().dialogs.length > 0) return;
      const command = isMac() ? event.metaKey : event.ctrlKey;
      const combination = `${command ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}${event.shiftKey ? "Shift+" : ""}${event.code}`;
      const run = (action: { disabled?: boolean; run: () => void } | undefined) => {
        event.preventDefault();
        if (action?.disabled !== true) action?.run();
      };
      switch (combination) {
        case "Ctrl+KeyK":
          return run({ run: () => shell.open({ kind: "palette" }) });
        case "Ctrl+KeyN":
        case "Alt+KeyN":
          return run({ run: () => shell.open({ kind: "newMachine" }) });
        // In a field this selects everything, and who sees the console may mean what it shows.
        case "Ctrl+KeyA":
          if (isTextField(event.target) || consoleIsShown()) return;
          return run({ run: () => shell.open({ kind: "import", existing: true }) });
        case "Ctrl+KeyI":
          return run({ run: () => shell.open({ kind: "import" }) });
        case "Ctrl+KeyE":
          return run({ run: () => shell.open({ kind: "export", id: machine?.id ?? null }) });
        case "Ctrl+KeyD":
          return run({ run: () => navigate({ kind: "media", tab: "disk" }) });
        case "Ctrl+KeyS":
          return run(machine === undefined ? undefined : actions.settings);
        case "Ctrl+KeyO":
          return run(machine === undefined ? undefined : actions.clone);
        case "Ctrl+Shift+KeyT":
          return run(machine === undefined ? undefined : actions.takeSnapshot);
        // In a field this pastes, and who sees the console may mean to paste into the guest.
        case "Ctrl+KeyV":
          if (isTextField(event.target) || consoleIsShown()) return;
          return run(machine === undefined ? undefined : actions.saveState);
        case "Ctrl+KeyJ":
          return run(machine === undefined ? undefined : actions.discardState);
        case "Ctrl+KeyR":
          return run(machine === undefined ? undefined : actions.remove);
        case "F2":
          return run(machine === undefined ? undefined : actions.rename);
        case "F1":
          return run({ run: () => shell.open({ kind: "shortcuts" }) });
      }
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, [machine, actions, shell]);
}

function consoleIsShown(): boolean {
  const route = parseRoute(location.hash);
  return route.kind === "console" || (route.kind === "machine" && route.tab === "console");
}

function isTextField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea"));
}

export function isMac(): boolean {
  return navigator.platform.startsWith("Mac");
}
