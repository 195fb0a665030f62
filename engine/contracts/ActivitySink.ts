/** Where a device reports its traffic, for the status-bar lights. Cheap enough to call per transfer. */
export interface ActivitySink {
  read(bytes: number): void;
  write(bytes: number): void;
}
