import { createContext, type ReactNode, useCallback, useContext } from "react";
import { useTranslation } from "react-i18next";
import { type StoreApi, useStore } from "zustand";
import type { MachineSummary } from "../../engine/api/MachineSummary.ts";
import { GuesthouseError } from "../../engine/base/GuesthouseError.ts";
import { describeError } from "./describeError.ts";
import type { HostSession, HostState } from "./HostSession.ts";
import type { Preferences } from "./preferences.ts";
import type { Shell, ShellState } from "./shellState.ts";

export interface AppServices {
  session: HostSession;
  shell: Shell;
  preferences: StoreApi<Preferences>;
}

const Context = createContext<AppServices | undefined>(undefined);

export function AppProvider({ services, children }: { services: AppServices; children: ReactNode }) {
  return <Context value={services}>{children}</Context>;
}

export function useServices(): AppServices {
  const services = useContext(Context);
  if (services === undefined) throw new Error("AppProvider is missing above this component");
  return services;
}

export function useHost<T>(select: (state: HostState) => T): T {
  return useStore(useServices().session.store, select);
}

export function useMachine(id: string | undefined): MachineSummary | undefined {
  return useHost((state) => (id === undefined ? undefined : state.machines.find((machine) => machine.id === id)));
}

export function useShellState<T>(select: (state: ShellState) => T): T {
  return useStore(useServices().shell.store, select);
}

export function usePreference<K extends keyof Preferences>(key: K): [Preferences[K], (value: Preferences[K]) => void] {
  const { preferences } = useServices();
  const value = useStore(preferences, (state) => state[key]);
  const set = useCallback(
    (next: Preferences[K]) => preferences.setState({ [key]: next } as Pick<Preferences, K>),
    [preferences, key],
  );
  return [value, set];
}

/**
 * Runs something that may fail and shows a notice when it does: in the window where it was begun while that is open, otherwise in the
 * corner. `title` says what was being done, as a failure.
 */
export function useAttempt(): (title: string, work: () => Promise<unknown>) => Promise<boolean> {
  const { shell } = useServices();
  const { t } = useTranslation();
  return useCallback(
    async (title, work) => {
      const dialog = shell.beginAttempt();
      try {
        await work();
        return true;
      } catch (error) {
        // Whoever cancelled it knows.
        if (error instanceof GuesthouseError && error.kind === "cancelled") return false;
        const { sentence, details } = describeError(error, t);
        shell.notify({ kind: "error", title, body: sentence, details, dialog });
        return false;
      }
    },
    [shell, t],
  );
}
