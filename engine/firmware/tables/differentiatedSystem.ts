import { pciHotPlugLayout } from "../../contracts/pciHotPlugLayout.ts";
import { PCI_WINDOWS, PIRQ_INTERRUPTS, pirqOf } from "../system/pciSetup.ts";
import {
  type Aml,
  ARG0,
  and,
  byteField,
  createDwordField,
  device,
  dwordField,
  eisaId,
  ifThen,
  integer,
  LOCAL0,
  LOCAL1,
  method,
  name,
  notify,
  operationRegion,
  or,
  packageOf,
  path,
  processor,
  returnOf,
  scope,
  store,
  string,
  ZERO,
} from "./AmlWriter.ts";
import {
  busRange,
  fixedMemory,
  INTERRUPT_NUMBER_OFFSET,
  ioPorts,
  ioRange,
  isaDma,
  isaInterrupt,
  memoryRange,
  pciInterrupts,
  resourceTemplate,
} from "./acpiResources.ts";

/**
 * The contents of the DSDT: processor, PCI root with its windows and interrupt routing, the four interrupt links of the PIIX3, the
 * devices on the ISA bus, the HPET, the sleep state that means off, and the slots that functions may come into and leave.
 * Absent: thermal zones, batteries.
 */
const HPET_BASE = 0xfed00000;
const DEVICES = 32;
const PCI_CONFIGURATION_SPACE = 2;
const LINK_NAMES = ["LNKA", "LNKB", "LNKC", "LNKD"];
const STEERING_NAMES = ["PRQA", "PRQB", "PRQC", "PRQD"];
const STEERING_OFF = 0x80;
const PRESENT_ENABLED = 0x0b;
const PRESENT_DISABLED = 0x09;

function pciRouting(): Aml {
  const entries: Aml[] = [];
  for (let slot = 1; slot < DEVICES; slot++) {
    for (let pin = 1; pin <= 4; pin++) {
      const link = LINK_NAMES[pirqOf(slot, pin)]!;
      entries.push(packageOf([integer(((slot << 16) | 0xffff) >>> 0), integer(pin - 1), path(`\\_SB.${link}`), ZERO]));
    }
  }
  return name("_PRT", packageOf(entries));
}

function interruptLink(index: number): Aml {
  const steering = path(`\\_SB.PCI0.ISA.${STEERING_NAMES[index]}`);
  const possible = [...new Set([5, ...PIRQ_INTERRUPTS])];
  return device(
    LINK_NAMES[index]!,
    name("_HID", eisaId("PNP0C0F")),
    name("_UID", integer(index + 1)),
    name("_PRS", resourceTemplate(pciInterrupts(possible))),
    method(
      "_STA",
      0,
      ifThen(and(steering, integer(STEERING_OFF)), returnOf(integer(PRESENT_DISABLED))),
      returnOf(integer(PRESENT_ENABLED)),
    ),
    method("_DIS", 0, or(steering, integer(STEERING_OFF), steering)),
    method(
      "_CRS",
      0,
      name("RES", resourceTemplate(pciInterrupts([0]))),
      createDwordField(path("RES"), INTERRUPT_NUMBER_OFFSET, "IRQ"),
      store(and(steering, integer(0x0f)), path("IRQ")),
      returnOf(path("RES")),
    ),
    method("_SRS", 1, createDwordField(ARG0, INTERRUPT_NUMBER_OFFSET, "IRQ"), store(path("IRQ"), steering)),
  );
}

function isaDevice(text: string, id: string, resources: readonly Aml[], uid?: number): Aml {
  const unique = uid === undefined ? [] : [name("_UID", integer(uid))];
  return device(text, name("_HID", eisaId(id)), ...unique, name("_CRS", resourceTemplate(...resources)));
}

function isaBridge(): Aml {
  return device(
    "ISA",
    name("_ADR", integer(0x00010000)),
    operationRegion("PIRQ", PCI_CONFIGURATION_SPACE, 0x60, 4),
    byteField("PIRQ", STEERING_NAMES),
    isaDevice("PIC", "PNP0000", [ioPorts(0x20, 2), ioPorts(0xa0, 2), ioPorts(0x4d0, 2), isaInterrupt(2)]),
    isaDevice("TIMR", "PNP0100", [ioPorts(0x40, 4), isaInterrupt(0)]),
    isaDevice("DMAC", "PNP0200", [ioPorts(0x00, 16), ioPorts(0x81, 15), ioPorts(0xc0, 32), isaDma(4)]),
    isaDevice("SPKR", "PNP0800", [ioPorts(0x61, 1)]),
    isaDevice("FPU", "PNP0C04", [ioPorts(0xf0, 1), isaInterrupt(13)]),
    isaDevice("RTC", "PNP0B00", [ioPorts(0x70, 2), isaInterrupt(8)]),
    isaDevice("PS2K", "PNP0303", [ioPorts(0x60, 1), ioPorts(0x64, 1), isaInterrupt(1)]),
    isaDevice("PS2M", "PNP0F13", [isaInterrupt(12)]),
    isaDevice("FDC0", "PNP0700", [ioPorts(0x3f2, 4), ioPorts(0x3f7, 1), isaInterrupt(6), isaDma(2)]),
    isaDevice("COM1", "PNP0501", [ioPorts(0x3f8, 8), isaInterrupt(4)], 1),
    isaDevice("COM2", "PNP0501", [ioPorts(0x2f8, 8), isaInterrupt(3)], 2),
  );
}

const HOT_PLUG_PORTS = pciHotPlugLayout.ports;
const SYSTEM_IO = 1;
const DEVICE_CHECK = 1;
const EJECT_REQUEST = 3;
const SLOTS = Array.from({ length: pciHotPlugLayout.slotCount }, (_, index) => pciHotPlugLayout.firstSlot + index);
const slotName = (slot: number): string => `S${slot.toString(16).toUpperCase().padStart(2, "0")}`;
const slotBit = (slot: number): Aml => integer((1 << slot) >>> 0);

/** The slot controller's registers, and slots that give up their function by its eject register. */
function hotPlugSlots(): Aml[] {
  return [
    device(
      "HPR",
      name("_HID", eisaId("PNP0C02")),
      name("_UID", string("PCI hot plug")),
      name("_CRS", resourceTemplate(ioPorts(HOT_PLUG_PORTS.start, HOT_PLUG_PORTS.length))),
    ),
    operationRegion("HPLG", SYSTEM_IO, HOT_PLUG_PORTS.start, HOT_PLUG_PORTS.length),
    dwordField("HPLG", ["UP", "DOWN", "EJCT"]),
    ...SLOTS.map((slot) =>
      device(
        slotName(slot),
        name("_ADR", integer(slot << 16)),
        name("_SUN", integer(slot)),
        method("_EJ0", 1, store(slotBit(slot), path("\\_SB.PCI0.EJCT"))),
      ),
    ),
  ];
}

/** What the event of the slot controller does: each slot that it names hears of it. Edge-triggered. */
function hotPlugEvent(): Aml {
  return scope(
    "\\_GPE",
    method(
      `_E0${pciHotPlugLayout.event}`,
      0,
      store(path("\\_SB.PCI0.UP"), LOCAL0),
      store(path("\\_SB.PCI0.DOWN"), LOCAL1),
      ...SLOTS.flatMap((slot) => [
        ifThen(and(LOCAL0, slotBit(slot)), notify(path(`\\_SB.PCI0.${slotName(slot)}`), DEVICE_CHECK)),
        ifThen(and(LOCAL1, slotBit(slot)), notify(path(`\\_SB.PCI0.${slotName(slot)}`), EJECT_REQUEST)),
      ]),
    ),
  );
}

function pciRoot(): Aml {
  return device(
    "PCI0",
    name("_HID", eisaId("PNP0A03")),
    name("_ADR", ZERO),
    name("_UID", ZERO),
    name(
      "_CRS",
      resourceTemplate(
        busRange(0, 0xff),
        ioPorts(0xcf8, 8),
        ioRange(0x0000, 0x0cf7),
        ioRange(0x0d00, HOT_PLUG_PORTS.start - 1),
        ioRange(HOT_PLUG_PORTS.start + HOT_PLUG_PORTS.length, 0xffff),
        memoryRange(0xa0000, 0xbffff),
        memoryRange(PCI_WINDOWS.memoryStart, PCI_WINDOWS.memoryEnd - 1),
      ),
    ),
    pciRouting(),
    isaBridge(),
    ...hotPlugSlots(),
  );
}

export function differentiatedSystem(processors: number): Aml {
  const cpus = Array.from({ length: processors }, (_, index) => processor(`CP0${index}`, index));
  return [
    ...scope("\\_PR", ...cpus),
    ...scope(
      "\\_SB",
      pciRoot(),
      ...LINK_NAMES.map((_, index) => interruptLink(index)),
      isaDevice("HPET", "PNP0103", [fixedMemory(HPET_BASE, 0x400)]),
    ),
    ...hotPlugEvent(),
    ...name("\\_S5", packageOf([ZERO, ZERO, ZERO, ZERO])),
  ];
}
