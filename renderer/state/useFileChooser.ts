import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { ChooseFileOptions, FileFilter } from "../platform/HostPort.ts";
import { useServices } from "./AppContext.tsx";

/** Asks for a file of the host: with the system's own dialog where there is one, otherwise with ours. */
export function useFileChooser(): (options: ChooseFileOptions) => Promise<string | undefined> {
  const { session, shell } = useServices();
  return (options) => {
    const native = session.port.capabilities.chooseFile;
    if (native !== undefined) return native(options);
    return new Promise((answer) => shell.open({ kind: "chooseFile", options, answer }));
  };
}

export type FilterName = "optical" | "floppy" | "disk" | "kernel" | "rom" | "log" | "appliance" | "machine";

const extensions = {
  optical: ["iso"],
  floppy: ["img", "ima", "flp", "vfd"],
  disk: ["qcow2", "vdi", "vmdk", "vhd", "vhdx", "qcow", "img", "raw", "bin", "hdd"],
  rom: ["bin", "rom"],
  log: ["log", "txt"],
  appliance: ["ova", "ovf", "vbox", "vmx"],
  machine: ["vbox", "vmx", "json"],
} as const;

/** The filters of one kind of file: its own extensions first, then everything. */
export function useFileFilters(): (name: FilterName) => FileFilter[] {
  const { t } = useTranslation();
  return useMemo(() => {
    const everything: FileFilter = { label: t("files.allFiles"), extensions: [] };
    return (name) => {
      // A kernel has no extension to know it by.
      if (name === "kernel") return [everything];
      return [{ label: t(`files.filter.${name}`), extensions: extensions[name] }, everything];
    };
  }, [t]);
}
