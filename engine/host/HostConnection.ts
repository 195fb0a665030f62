/** One client of the host service: its way out, and the channels it has open. */
export type OpenChannel =
  | { readonly kind: "console"; readonly id: string }
  | { readonly kind: "serial"; readonly id: string; readonly port: number };

export class HostConnection {
  readonly channels = new Map<number, OpenChannel>();
  sendBinary: (bytes: Uint8Array) => void = () => {};
}
