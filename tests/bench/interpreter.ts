/**
 * How fast the executors are, in millions of guest instructions a second of the guest's thread: `node tests/bench/interpreter.ts [scale]`. The
 * best window of at least 50 ms counts, and threads that compile do not, so that neither the engine's warming up nor a busy host is measured. The
 * second figure is the same program with its hottest loop translated. A second argument picks programs by name.
 */
import { Decoder } from "../../engine/cpu/decode/Decoder.ts";
import { rows } from "../../engine/cpu/isa/rows.ts";
import { Translator } from "../../engine/cpu/translator/Translator.ts";
import { createBareMachine, placeFlat32, placeFlat64 } from "../fixtures/bareMachine.ts";
import { type CpuProgram, cpuPrograms } from "./cpuPrograms.ts";

const sliceInstructions = 200_000;
const windowMicroseconds = 50_000;

const processorTime = (): number => {
  const { user, system } = process.threadCpuUsage();
  return user + system;
};

async function measure({ bits, bytes, result, loops }: CpuProgram, translated: boolean): Promise<string> {
  const machine = await createBareMachine();
  (bits === 64 ? placeFlat64 : placeFlat32)(machine, [...bytes]);
  const translator = new Translator(machine.vcpu.interpreter, new Decoder(rows));
  if (translated) translator.translate(loops[0]!, bits);
  let best = 0;
  let instructions = 0;
  let started = processorTime();
  while (machine.vcpu.run(sliceInstructions).kind === "budget") {
    const now = processorTime();
    if (now - started < windowMicroseconds) continue;
    best = Math.max(best, (machine.vcpu.instructionCount() - instructions) / (now - started));
    instructions = machine.vcpu.instructionCount();
    started = now;
  }
  const answer = Number(machine.state.get64("gpr", 0) & 0xffff_ffffn);
  return `${best.toFixed(0).padStart(6)}${answer === result ? "" : ` WRONG: ${answer} for ${result}`}`;
}

for (const program of cpuPrograms(Number(process.argv[2] ?? 4))) {
  if (!`${program.name} ${program.bits}`.includes(process.argv[3] ?? "")) continue;
  const interpreted = await measure(program, false);
  const translated = program.loops.length > 0 ? `, translated ${await measure(program, true)}` : "";
  console.log(`${program.name.padEnd(12)} ${program.bits} interpreted ${interpreted}${translated}`);
}
