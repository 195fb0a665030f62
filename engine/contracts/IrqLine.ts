/** One interrupt wire. The level is what counts; edge-triggered inputs see the change from false to true. */
export interface IrqLine {
  set(level: boolean): void;
}
