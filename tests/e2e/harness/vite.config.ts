import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Serves the harness page during development; it is never built. */
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  cacheDir: fileURLToPath(new URL("../../../.cache/vite-harness", import.meta.url)),
  plugins: [react()],
  server: { host: "127.0.0.1", fs: { allow: [fileURLToPath(new URL("../../..", import.meta.url))] } },
  optimizeDeps: {
    include: [
      "react",
      "react-dom/client",
      "react-aria-components",
      "lucide-react",
      "i18next",
      "react-i18next",
      "zustand",
      "valibot",
    ],
  },
});
