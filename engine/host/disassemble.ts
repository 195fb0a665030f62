/** Machine code as text in the syntax of NASM, by iced-x86, which is loaded when it is first needed. */
import { createRequire } from "node:module";
import type * as Iced from "iced-x86";
import type { Disassembled } from "../api/debugProtocol.ts";
import { builtFile } from "./installation.ts";

let library: typeof Iced | undefined;

/** Bundles have the library beside them, since it finds its WebAssembly by its own path. */
function iced(): typeof Iced {
  const load = createRequire(import.meta.url);
  const place = import.meta.url.endsWith(".ts") ? "iced-x86" : builtFile("disassembler/iced_x86.cjs");
  library ??= load(place) as typeof Iced;
  return library;
}

/** At most `count` instructions; the last one is left out when its bytes are not all there. */
export function disassemble(bytes: Uint8Array, address: bigint, codeBits: 16 | 32 | 64, count: number): Disassembled[] {
  const { Decoder, DecoderError, DecoderOptions, Formatter, FormatterSyntax } = iced();
  const decoder = new Decoder(codeBits, bytes, DecoderOptions.None);
  const formatter = new Formatter(FormatterSyntax.Nasm);
  const found: Disassembled[] = [];
  try {
    formatter.hexPrefix = "0x";
    formatter.hexSuffix = "";
    formatter.uppercaseHex = false;
    formatter.spaceAfterOperandSeparator = true;
    decoder.ip = address;
    while (found.length < count && decoder.canDecode) {
      const start = decoder.position;
      const instruction = decoder.decode();
      const at = instruction.ip;
      if (decoder.lastError === DecoderError.InvalidInstruction) {
        // Who knows how long it was meant to be: what follows is tried too.
        decoder.position = start + 1;
        decoder.ip = at + 1n;
      }
      const cut = decoder.lastError === DecoderError.NoMoreBytes;
      const end = decoder.position;
      const text = instruction.isInvalid ? "(bad)" : formatter.format(instruction);
      instruction.free();
      if (cut) break;
      found.push({
        address: `0x${at.toString(16)}`,
        hex: Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("hex"),
        text,
      });
    }
    return found;
  } finally {
    formatter.free();
    decoder.free();
  }
}
