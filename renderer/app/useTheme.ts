import { useEffect } from "react";
import { usePreference } from "../state/AppContext.tsx";

/** Puts the chosen theme, or the system's, on the document, and follows the system while it is asked to. */
export function useTheme(): void {
  const [theme] = usePreference("theme");
  useEffect(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const apply = () => {
      const resolved = theme === "system" ? (dark.matches ? "dark" : "light") : theme;
      document.documentElement.dataset.theme = resolved;
    };
    apply();
    dark.addEventListener("change", apply);
    return () => dark.removeEventListener("change", apply);
  }, [theme]);
}
