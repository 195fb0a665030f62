/**
 * Where everything lies in a machine's one shared WebAssembly.Memory. All values are byte offsets. Guest RAM comes last
 * so that its size decides the size of the memory; pages that nobody touches cost nothing.
 */
export const memoryPlan = {
  /** CPU state of the (first) processor, laid out by `cpuLayout`. */
  cpuState: 0x0000_1000,
  /** Static data of the AssemblyScript units (their `--memoryBase`). */
  systemUnitData: 0x0001_0000,
  fpuUnitData: 0x0002_0000,
  /** Scratch for crossing to and from JavaScript: 64 KiB. */
  scratch: 0x0003_0000,
  /** Two TLBs, supervisor then user, `tlbEntries` entries of `tlbEntryBytes` each. */
  tlb: 0x0004_0000,
  /** u16 indices of TLB entries (0..2 * tlbEntries - 1) that may hold something, so that a flush touches only those. */
  tlbJournal: 0x0005_0000,
  /** What CPUID answers: u32 count, then from `cpuidRowBytes` on one row for each leaf and subleaf. */
  cpuid: 0x0005_8000,
  /** u32 per guest physical page: `physMapBits` and the page's place in this memory. */
  physMap: 0x0100_0000,
  /** u32 per 4 KiB page of this memory: where its decoded code is, or 0. */
  codeMap: 0x0180_0000,
  /** u8 per guest physical page: 1 = written since the dirty tracker looked (pages with `trackDirty` only). */
  dirtyMap: 0x0200_0000,
  /** Decoded records, handed out in chunks. */
  records: 0x0220_0000,
  recordsEnd: 0x0600_0000,
  /** The display adapter's 16 MiB. */
  videoMemory: 0x0600_0000,
  videoMemoryBytes: 0x0100_0000,
  /** ROM images, 16 MiB. */
  rom: 0x0700_0000,
  romBytes: 0x0100_0000,
  /** Guest RAM, up to the end of memory. */
  ram: 0x0800_0000,
} as const;

/** Guest physical pages that the maps above describe: 8 GiB. Beyond lies nothing. */
export const physPages = 0x20_0000;

export const tlbEntries = 1024;
/**
 * One TLB entry, 32 bytes: i64 read tag, i64 write tag, i64 execute tag, u32 addend, u32 flags (1 = global, 2 = in the journal, 4 = part of a large page).
 * A tag is the linear address of the page (low 12 bits zero, sign-extended in long mode, zero-extended otherwise) when
 * the access may take the fast path, else -1. Fast path: memory offset = low 32 bits of (linear address) + addend.
 */
export const tlbEntryBytes = 32;

/** A row of the CPUID table: u32 leaf, subleaf (all ones: any), EAX, EBX, ECX, EDX, two unused. */
export const cpuidRowBytes = 32;
export const cpuidRowsMax = 127;

/** Low bits of a physMap entry; the upper 20 bits are the page's offset in this memory. 0 = device window or nothing. */
export const physMapBits = {
  /** Reads and fetches go straight to memory. */
  readable: 1,
  /** Writes go straight to memory (RAM); clear on ROM. */
  writable: 2,
  /** The page holds decoded or translated code: writes take the slow path and invalidate. */
  hasCode: 4,
  /** The dirty tracker wants to know the first write: the slow path sets dirtyMap and clears this bit. */
  trackDirty: 8,
  /** Somebody still needs the page as it is: `preservePage` is called before the first write and clears this bit. */
  frozen: 16,
  /** What the page holds is still on its way: `bringPage` is called before the first access of any kind and clears this bit. */
  absent: 32,
} as const;
