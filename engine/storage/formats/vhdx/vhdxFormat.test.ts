import { diskImageConformance } from "../../../../tests/conformance/diskImageConformance.ts";
import { vhdxFormat } from "./vhdxFormat.ts";

const shape = { format: vhdxFormat, sectorCount: 4 * 4096 + 9 };

diskImageConformance("a dynamic VHDX image", { ...shape, subformat: "dynamic" });
diskImageConformance("a fixed VHDX image", { ...shape, subformat: "fixed", without: ["zero"] });
diskImageConformance("a differencing VHDX image", {
  ...shape,
  subformat: "differencing",
  differencing: true,
  backingIdentity: "00112233-4455-4677-8899-aabbccddeeff",
});
