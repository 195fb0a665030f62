/**
 * The data that an optical drive with one data track returns for the commands that describe drive and disc (MMC-3
 * clauses 4 to 6): pure functions of what lies in the drive.
 */
import { be24, be32, setBe32 } from "./atapiCommands.ts";

/** What the replies depend on. */
export interface DriveCondition {
  /** Sectors of 2048 bytes, or undefined without a disc. */
  readonly sectors: number | undefined;
  readonly locked: boolean;
  readonly trayOpen: boolean;
}

const LEAD_OUT = 0xaa;
/** ADR 1, data track that may be copied. */
const DATA_TRACK = 0x14;
/** 80 minutes and a little: larger discs are DVDs. */
const CD_SECTORS = 360_000;
const PROFILE_CD_ROM = 0x0008;
const PROFILE_DVD_ROM = 0x0010;

export function inquiryData(vendor: string, product: string, revision: string): Uint8Array {
  const data = new Uint8Array(36);
  data.set([0x05, 0x80, 0x00, 0x21, 36 - 5]);
  const put = (offset: number, length: number, text: string) => {
    const padded = text.padEnd(length, " ");
    for (let index = 0; index < length; index++) data[offset + index] = padded.charCodeAt(index) & 0x7f;
  };
  put(8, 8, vendor);
  put(16, 16, product);
  put(32, 4, revision);
  return data;
}

export function capacityData(sectors: number): Uint8Array {
  const data = new Uint8Array(8);
  setBe32(data, 0, sectors - 1);
  setBe32(data, 4, 2048);
  return data;
}

/** Sector number as minute, second, frame in the low three bytes; sector 0 is 00:02:00. */
function toMsf(sector: number): number {
  const frames = sector + 150;
  const minute = Math.min(255, Math.floor(frames / 4500));
  return (minute << 16) | ((Math.floor(frames / 75) % 60) << 8) | (frames % 75);
}

/** READ TOC/PMA/ATIP formats 0 to 2, or undefined for a format or track that is not there. */
export function tocData(format: number, startTrack: number, msf: boolean, sectors: number): Uint8Array | undefined {
  const address = (sector: number) => (msf ? toMsf(sector) : sector);
  if (format === 0) {
    if (startTrack > 1 && startTrack !== LEAD_OUT) return undefined;
    const tracks = startTrack === LEAD_OUT ? [LEAD_OUT] : [1, LEAD_OUT];
    const data = new Uint8Array(4 + 8 * tracks.length);
    data.set([0, data.length - 2, 1, 1]);
    tracks.forEach((track, index) => {
      data.set([0, DATA_TRACK, track, 0], 4 + 8 * index);
      setBe32(data, 8 + 8 * index, address(track === LEAD_OUT ? sectors : 0));
    });
    return data;
  }
  if (format === 1) {
    const data = new Uint8Array(12);
    data.set([0, 10, 1, 1, 0, DATA_TRACK, 1, 0]);
    setBe32(data, 8, address(0));
    return data;
  }
  return format === 2 ? fullToc(sectors) : undefined;
}

/** Raw lead-in entries: first track, last track, lead-out, track 1; addresses always as minute, second, frame. */
function fullToc(sectors: number): Uint8Array {
  const points = [
    { point: 0xa0, msf: 0x010000 },
    { point: 0xa1, msf: 0x010000 },
    { point: 0xa2, msf: toMsf(sectors) },
    { point: 0x01, msf: toMsf(0) },
  ];
  const data = new Uint8Array(4 + 11 * points.length);
  data.set([0, data.length - 2, 1, 1]);
  points.forEach(({ point, msf }, index) => {
    data.set([1, DATA_TRACK, 0, point, 0, 0, 0, 0, msf >> 16, (msf >> 8) & 0xff, msf & 0xff], 4 + 11 * index);
  });
  return data;
}

const ERROR_RECOVERY_PAGE = [0x01, 0x06, 0x00, 0x05, 0, 0, 0, 0];
const CD_DEVICE_PARAMETERS_PAGE = [0x0d, 0x06, 0, 0x0d, 0, 60, 0, 75];
const CD_AUDIO_CONTROL_PAGE = [0x0e, 0x0e, 0x04, 0, 0, 0, 0, 75, 0x01, 0xff, 0x02, 0xff, 0, 0, 0, 0];

/** Page 2Ah: reads CD-R and mode 2 discs, tray loader that locks; 50 times the speed of audio, 512 KiB of buffer. */
function capabilitiesPage(condition: DriveCondition): number[] {
  const speed = 8800;
  const mechanism = 0x29 | (condition.locked ? 0x02 : 0);
  return [
    0x2a,
    0x12,
    0x03,
    0x00,
    0x70,
    0x60,
    mechanism,
    0x00,
    speed >> 8,
    speed & 0xff,
    0,
    2,
    2,
    0,
    speed >> 8,
    speed & 0xff,
    0,
    0,
    0,
    0,
  ];
}

/** MODE SENSE data behind its header, or undefined for a page that is not there. */
export function modePages(page: number, changeable: boolean, condition: DriveCondition): number[] | undefined {
  const pages = [
    ERROR_RECOVERY_PAGE,
    CD_DEVICE_PARAMETERS_PAGE,
    CD_AUDIO_CONTROL_PAGE,
    capabilitiesPage(condition),
  ].filter((candidate) => page === 0x3f || candidate[0] === page);
  if (pages.length === 0) return undefined;
  // Nothing can be changed: code and length stay, the mask is zero.
  return pages.flatMap((bytes) => (changeable ? bytes.map((byte, index) => (index < 2 ? byte : 0)) : bytes));
}

/** The medium type of SFF-8020i: 70h is a closed door without a disc, 71h an open one, 01h a 120 mm data CD. */
export function mediumType({ sectors, trayOpen }: DriveCondition): number {
  return sectors !== undefined ? 0x01 : trayOpen ? 0x71 : 0x70;
}

export function modeSenseData(pages: readonly number[], longHeader: boolean, condition: DriveCondition): Uint8Array {
  const type = mediumType(condition);
  if (!longHeader) return Uint8Array.from([pages.length + 3, type, 0, 0, ...pages]);
  const length = pages.length + 6;
  return Uint8Array.from([length >> 8, length & 0xff, type, 0, 0, 0, 0, 0, ...pages]);
}

export function mechanismStatusData(): Uint8Array {
  const data = new Uint8Array(8);
  data[5] = 1; // Slots.
  return data;
}

/** One complete session with one track. */
export function discInformation(): Uint8Array {
  const data = new Uint8Array(34);
  data.set([0, 32, 0x0e, 1, 1, 1, 1, 0x20]);
  data.fill(0xff, 16, 24);
  return data;
}

function profileOf(sectors: number | undefined): number {
  if (sectors === undefined) return 0;
  return sectors > CD_SECTORS ? PROFILE_DVD_ROM : PROFILE_CD_ROM;
}

/** GET CONFIGURATION: features from `start` on; `type` 2 asks for that one alone, 1 for the current ones. */
export function configurationData(type: number, start: number, { sectors }: DriveCondition): Uint8Array {
  const profile = profileOf(sectors);
  const present = profile !== 0 ? 1 : 0;
  const cd = profile === PROFILE_CD_ROM ? 1 : 0;
  const dvd = profile === PROFILE_DVD_ROM ? 1 : 0;
  // Code, version << 2 | persistent << 1 | current, data.
  const features: [code: number, flags: number, data: number[]][] = [
    [0x0000, 0x03, [0x00, 0x10, dvd, 0, 0x00, 0x08, cd, 0]],
    [0x0001, 0x07, [0, 0, 0, 2]], // Core, ATAPI.
    [0x0002, 0x03, [0, 0, 0, 0]], // Morphing.
    [0x0003, 0x03, [0x29, 0, 0, 0]], // Removable medium: tray, ejects, locks.
    [0x0010, present, [0, 0, 8, 0, 0, 1, 0, 0]], // Random readable, 2048 bytes a block.
    [0x001d, present, []], // Multi-read.
    [0x001e, cd, []], // CD read.
    [0x001f, dvd, []], // DVD read.
  ];
  const chosen = features.filter(([code, flags]) => {
    if (type === 2) return code === start;
    return code >= start && (type !== 1 || (flags & 1) !== 0);
  });
  const body = chosen.flatMap(([code, flags, data]) => [code >> 8, code & 0xff, flags, data.length, ...data]);
  const length = body.length + 4;
  return Uint8Array.from([0, 0, length >> 8, length & 0xff, 0, 0, profile >> 8, profile & 0xff, ...body]);
}

/** Media events of GET EVENT STATUS NOTIFICATION. */
export const mediaEvent = { none: 0, ejectRequest: 1, newMedia: 2, mediaRemoval: 3 } as const;

export function eventStatus(requestedClasses: number, event: number, condition: DriveCondition): Uint8Array {
  const supported = 0x10;
  if ((requestedClasses & supported) === 0) return Uint8Array.from([0, 2, 0x80, supported]);
  const status = (condition.trayOpen ? 1 : 0) | (condition.sectors !== undefined ? 2 : 0);
  return Uint8Array.from([0, 6, 0x04, supported, event, status, 0, 0]);
}

/** Which bytes READ CD is asked for: user data alone, nothing, or a combination that a data disc image cannot give. */
export function readCdRequest(packet: Uint8Array): { sector: number; count: number; data: "user" | "none" | "other" } {
  const sector = be32(packet, 2);
  const selection = packet[9]! & 0xf8;
  const subChannel = packet[10]! & 0x07;
  const plain = subChannel === 0 && (selection === 0x10 || selection === 0x00);
  return { sector, count: be24(packet, 6), data: plain ? (selection === 0x10 ? "user" : "none") : "other" };
}
