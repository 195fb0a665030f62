/**
 * What this person prefers on this computer: kept in the page's own storage, never on the host. Unreadable storage means
 * defaults, not an error.
 */
import { createStore, type StoreApi } from "zustand/vanilla";
import type { ScaleMode } from "../features/console/placeScreen.ts";
import { chooseLanguage, type Language, languages } from "../i18n/languages.ts";

export type Theme = "system" | "light" | "dark";

export interface Preferences {
  theme: Theme;
  language: Language;
  scaleMode: ScaleMode;
  /** The first capture was explained. */
  captureExplained: boolean;
  expertWizard: boolean;
}

const STORAGE_KEY = "guesthouse.preferences";

/** Takes what is usable of stored preferences and defaults for the rest. */
export function readPreferences(stored: string | null, preferredLanguages: readonly string[]): Preferences {
  let found: Record<string, unknown> = {};
  try {
    const parsed: unknown = JSON.parse(stored ?? "{}");
    if (typeof parsed === "object" && parsed !== null) found = parsed as Record<string, unknown>;
  } catch {
    // Damaged storage: the defaults below stand.
  }
  const pick = <T extends string>(value: unknown, allowed: readonly T[], fallback: T): T =>
    allowed.find((candidate) => candidate === value) ?? fallback;
  return {
    theme: pick(found.theme, ["system", "light", "dark"], "system"),
    language: pick(found.language, Object.keys(languages) as Language[], chooseLanguage(preferredLanguages)),
    scaleMode: pick(found.scaleMode, ["whole", "actual", "scaled"], "whole"),
    captureExplained: found.captureExplained === true,
    expertWizard: found.expertWizard === true,
  };
}

export function createPreferences(storage: Storage, preferredLanguages: readonly string[]): StoreApi<Preferences> {
  const store = createStore<Preferences>(() => readPreferences(storage.getItem(STORAGE_KEY), preferredLanguages));
  store.subscribe((preferences) => {
    try {
      storage.setItem(STORAGE_KEY, JSON.stringify(preferences));
    } catch {
      // Full or forbidden storage: the preference lives as long as the page.
    }
  });
  return store;
}

/** Takes over what another window of the page has stored. */
export function followOtherWindows(store: StoreApi<Preferences>): void {
  addEventListener("storage", ({ key, newValue }) => {
    if (key === STORAGE_KEY && newValue !== null) store.setState(readPreferences(newValue, navigator.languages));
  });
}
