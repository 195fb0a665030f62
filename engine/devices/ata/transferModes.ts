/** SET FEATURES 03h (ATA/ATAPI-6 8.41.3): PIO default and flow control modes, multiword DMA 0-2, Ultra DMA 0-5. */
import type { TransferMode } from "./identifyData.ts";

export const powerOnTransferMode: TransferMode = { multiwordDma: 0x04, ultraDma: 0 };

/** The mode after the command with this sector count, or undefined for a mode that the drives do not have. */
export function selectTransferMode(current: TransferMode, sectorCount: number): TransferMode | undefined {
  const number = sectorCount & 7;
  switch (sectorCount >> 3) {
    case 0:
      return number <= 1 ? current : undefined;
    case 1:
      return number <= 4 ? current : undefined;
    case 4:
      return number <= 2 ? { multiwordDma: 1 << number, ultraDma: 0 } : undefined;
    case 8:
      return number <= 5 ? { multiwordDma: 0, ultraDma: 1 << number } : undefined;
    default:
      return undefined;
  }
}
