/**
 * How fast the interpreter is, in millions of guest instructions a second: `node tests/bench/interpreter.ts [scale]`. A short first run
 * lets the engine's own compiler settle.
 */
import { createBareMachine, placeFlat32 } from "../fixtures/bareMachine.ts";
import { cpuPrograms } from "./cpuPrograms.ts";

const sliceInstructions = 200_000;

for (const { name, bytes, result } of cpuPrograms(Number(process.argv[2] ?? 1))) {
  const machine = await createBareMachine();
  let best = 0;
  for (let attempt = 0; attempt < 2; attempt++) {
    machine.ram.fill(0);
    placeFlat32(machine, [...bytes]);
    const before = machine.vcpu.instructionCount();
    const started = performance.now();
    while (machine.vcpu.run(sliceInstructions).kind === "budget");
    const milliseconds = performance.now() - started;
    best = Math.max(best, (machine.vcpu.instructionCount() - before) / milliseconds / 1000);
  }
  const answer = Number(machine.state.get64("gpr", 0) & 0xffff_ffffn);
  console.log(
    `${name.padEnd(12)} ${best.toFixed(1).padStart(7)} MIPS${answer === result ? "" : `  WRONG: ${answer} for ${result}`}`,
  );
}
