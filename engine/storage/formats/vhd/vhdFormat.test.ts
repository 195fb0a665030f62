import { diskImageConformance } from "../../../../tests/conformance/diskImageConformance.ts";
import { vhdFormat } from "./vhdFormat.ts";

const shape = { format: vhdFormat, sectorCount: 2 * 4096 + 9 };

diskImageConformance("a dynamic VHD image", { ...shape, subformat: "dynamic" });
diskImageConformance("a fixed VHD image", { ...shape, subformat: "fixed", without: ["zero"] });
diskImageConformance("a differencing VHD image", {
  ...shape,
  subformat: "differencing",
  differencing: true,
  backingIdentity: "00112233-4455-4677-8899-aabbccddeeff",
  // Its blocks cannot be zero without space.
  without: ["zero"],
});
