/** What the system unit calls of the outside; 64-bit values as halves. */
export interface UnitEnvironment {
  mmioRead(low: number, high: number, size: number): number;
  mmioWrite(low: number, high: number, size: number, value: number): void;
  portRead(port: number, size: number): number;
  portWrite(port: number, size: number, value: number): void;
  /** A frozen page is about to be written. */
  preservePage(physPage: number): void;
  /** An absent page is about to be accessed. */
  bringPage(physPage: number): void;
  tsc(): number;
  interruptAcknowledge(): number;
  /** MSRs of the local APIC; a write gives 0 when it is refused. */
  msrRead(index: number): bigint;
  msrWritten(index: number, low: number, high: number): number;
  /** CR8; -1 where no local APIC has it. */
  taskPriority(): number;
  setTaskPriority(value: number): void;
  wallClockMs(): number;
  /** 64 random bits. */
  entropy(): bigint;
  /** FERR#: an unmasked x87 exception with CR0.NE clear. */
  fpuError(): void;
}

/** The exports of the system unit that JavaScript calls. */
export interface SystemUnit {
  translateFetch(linear: bigint): bigint;
  translateForDebugger(linear: bigint): bigint;
  takeInterrupt(): number;
  debugBeforeInstruction(linear: bigint): void;
  debugAfterInstruction(): void;
  updateAttention(): void;
  updateMode(): void;
  resetCpu(): void;
  initCpu(): void;
  setA20(enabled: number): void;
  flushTlb(): void;
  protectPage(physPage: number): void;
  protectWrites(): void;
  readFlags(): number;
  refreshFeatures(): void;
  reviseKvmClock(): void;
  raise(vector: number, errorCode: number): void;
  watch(address: bigint, length: number, kinds: number): number;
  clearWatchpoints(): void;
  passWatchpoints(pass: number): void;
  takeWatchpointHit(): number;
}
