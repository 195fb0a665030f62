/** Where message-signalled interrupts go: a 32-bit write that a function makes to an address of the interrupt controllers. */
export interface MessageSink {
  send(address: number, data: number): void;
}
