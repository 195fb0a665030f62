/** The names that main process, preload script and page agree on, and what crosses under them. */
export const channels = {
  connect: "guesthouse:connect",
  /** Also the message by which the page receives its port. */
  port: "guesthouse:port",
  chooseFile: "guesthouse:choose-file",
  openWindow: "guesthouse:open-window",
  closeWindow: "guesthouse:close-window",
  showFolder: "guesthouse:show-folder",
} as const;

export interface ChooseFileRequest {
  title: string;
  mode: "open" | "save";
  filters: readonly { label: string; extensions: readonly string[] }[];
  startAt?: string | undefined;
}
