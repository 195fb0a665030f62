/** The far end of a serial line. The UART calls `transmit` for each byte sent; the outside calls the UART's `receive`. */
export interface SerialBackend {
  transmit(byte: number): void;
}
