/** Registers of the PCI transport (virtio 1.1, 4.1), modern and legacy, and the feature bits that all devices share. */

/** Device status. */
export const ACKNOWLEDGE = 1;
export const FEATURES_OK = 8;
export const DEVICE_NEEDS_RESET = 64;
export const FAILED = 128;

/** Feature bits of the low word, and VERSION_1 of the high word. */
export const ANY_LAYOUT = 2 ** 27;
export const INDIRECT_DESC = 2 ** 28;
export const EVENT_IDX = 2 ** 29;
export const VERSION_1_HIGH = 1;

/** ISR status. */
export const ISR_QUEUE = 1;
export const ISR_CONFIGURATION = 2;

/** The structures in the window of BAR 4. */
export const modernLayout = {
  common: { type: 1, offset: 0x0000, length: 0x1000 },
  isr: { type: 3, offset: 0x1000, length: 0x1000 },
  device: { type: 4, offset: 0x2000, length: 0x1000 },
  notify: { type: 2, offset: 0x3000, length: 0x1000 },
} as const;
export const MODERN_WINDOW_BYTES = 0x4000;
/** Each queue has its own notification register. */
export const NOTIFY_MULTIPLIER = 4;
/** The capability that reaches the window through configuration space. */
export const PCI_ACCESS_TYPE = 5;

export const common = {
  deviceFeatureSelect: 0x00,
  deviceFeature: 0x04,
  driverFeatureSelect: 0x08,
  driverFeature: 0x0c,
  configurationVector: 0x10,
  queueCount: 0x12,
  deviceStatus: 0x14,
  configurationGeneration: 0x15,
  queueSelect: 0x16,
  queueSize: 0x18,
  queueVector: 0x1a,
  queueEnable: 0x1c,
  queueNotifyOffset: 0x1e,
  queueDescriptors: 0x20,
  queueAvailable: 0x28,
  queueUsed: 0x30,
} as const;

export const legacy = {
  deviceFeatures: 0x00,
  driverFeatures: 0x04,
  queueAddress: 0x08,
  queueSize: 0x0c,
  queueSelect: 0x0e,
  queueNotify: 0x10,
  deviceStatus: 0x12,
  isr: 0x13,
  /** With MSI-X; the device's fields follow, otherwise they begin here. */
  configurationVector: 0x14,
  queueVector: 0x16,
} as const;
export const LEGACY_PAGE_BYTES = 4096;
