import { ByteWriter } from "./ByteWriter.ts";
import { FunctionBuilder } from "./FunctionBuilder.ts";
import { type ValueType, valueType } from "./opcodes.ts";

/**
 * Writes one WebAssembly module in the binary format (core specification, section 5.5): types without duplicates, imported and
 * own functions, one table, a shared memory, exception tags, exports, element segments and code. Functions can be
 * declared before they are defined, so that bodies may refer to each other; imports come first. Deliberately absent: data
 * segments, start functions, own memories, multiple tables.
 */
export class ModuleBuilder {
  readonly #types = new ByteWriter();
  readonly #typeIndices = new Map<string, number>();
  readonly #imports = new ByteWriter();
  #importCount = 0;
  #importedFunctions = 0;
  readonly #functionTypes: number[] = [];
  readonly #bodies: (Uint8Array | undefined)[] = [];
  readonly #exports = new ByteWriter();
  #exportCount = 0;
  readonly #tags = new ByteWriter();
  #tagCount = 0;
  #importedTags = 0;
  readonly #elements: { at: number; functions: number[] }[] = [];

  /** A module that begins with what another imports: that takes longer to write down than most functions. */
  static importing(other: ModuleBuilder): ModuleBuilder {
    const module = new ModuleBuilder();
    module.#types.append(other.#types.view());
    for (const [key, index] of other.#typeIndices) module.#typeIndices.set(key, index);
    module.#imports.append(other.#imports.view());
    module.#importCount = other.#importCount;
    module.#importedFunctions = other.#importedFunctions;
    module.#importedTags = other.#importedTags;
    return module;
  }

  type(params: readonly ValueType[], results: readonly ValueType[]): number {
    const key = `${params.join()}>${results.join()}`;
    const known = this.#typeIndices.get(key);
    if (known !== undefined) return known;
    const index = this.#typeIndices.size;
    this.#typeIndices.set(key, index);
    this.#types.byte(0x60);
    for (const list of [params, results]) {
      this.#types.unsigned(list.length);
      for (const type of list) this.#types.byte(valueType[type]);
    }
    return index;
  }

  #import(module: string, name: string): void {
    this.#importCount++;
    this.#imports.name(module);
    this.#imports.name(name);
  }

  importFunction(module: string, name: string, params: readonly ValueType[], results: readonly ValueType[]): number {
    if (this.#functionTypes.length > 0) throw new Error("imports come before functions");
    const type = this.type(params, results);
    this.#import(module, name);
    this.#imports.byte(0);
    this.#imports.unsigned(type);
    return this.#importedFunctions++;
  }

  importMemory(module: string, name: string, minimumPages: number, maximumPages: number): void {
    this.#import(module, name);
    this.#imports.byte(2);
    this.#imports.byte(3); // shared, with a maximum
    this.#imports.unsigned(minimumPages);
    this.#imports.unsigned(maximumPages);
  }

  importTable(module: string, name: string, minimum: number): void {
    this.#import(module, name);
    for (const byte of [1, valueType.funcref, 0]) this.#imports.byte(byte);
    this.#imports.unsigned(minimum);
  }

  importTag(module: string, name: string): number {
    const type = this.type([], []);
    this.#import(module, name);
    this.#imports.byte(4);
    this.#imports.byte(0);
    this.#imports.unsigned(type);
    return this.#importedTags++;
  }

  /** An exception tag of its own, without values. */
  tag(): number {
    this.#tags.byte(0);
    this.#tags.unsigned(this.type([], []));
    return this.#importedTags + this.#tagCount++;
  }

  /** Reserves an index; `define` gives the body. */
  declare(params: readonly ValueType[], results: readonly ValueType[]): number {
    this.#functionTypes.push(this.type(params, results));
    this.#bodies.push(undefined);
    return this.#importedFunctions + this.#functionTypes.length - 1;
  }

  define(index: number, builder: FunctionBuilder): void {
    this.#bodies[index - this.#importedFunctions] = builder.finish();
  }

  /** Declares and defines in one go. */
  function(
    params: readonly ValueType[],
    results: readonly ValueType[],
    write: (builder: FunctionBuilder) => void,
  ): number {
    const index = this.declare(params, results);
    const builder = new FunctionBuilder(params, results);
    write(builder);
    this.define(index, builder);
    return index;
  }

  export(name: string, kind: "function" | "tag", index: number): void {
    this.#exportCount++;
    this.#exports.name(name);
    this.#exports.byte(kind === "function" ? 0 : 4);
    this.#exports.unsigned(index);
  }

  /** Puts functions into the imported table from place `at` on when the module is instantiated. */
  elements(at: number, functions: readonly number[]): void {
    this.#elements.push({ at, functions: [...functions] });
  }

  finish(): Uint8Array<ArrayBuffer> {
    const out = new ByteWriter();
    for (const byte of [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) out.byte(byte);
    out.section(1, counted(this.#typeIndices.size, this.#types));
    out.section(2, counted(this.#importCount, this.#imports));
    const functions = new ByteWriter();
    for (const type of this.#functionTypes) functions.unsigned(type);
    out.section(3, counted(this.#functionTypes.length, functions));
    out.section(13, counted(this.#tagCount, this.#tags));
    out.section(7, counted(this.#exportCount, this.#exports));
    out.section(9, counted(this.#elements.length, this.#elementSegments()));
    const code = new ByteWriter();
    for (const body of this.#bodies) {
      if (!body) throw new Error("a declared function has no body");
      code.append(body);
    }
    out.section(10, counted(this.#bodies.length, code));
    return out.finish();
  }

  #elementSegments(): ByteWriter {
    const elements = new ByteWriter();
    for (const { at, functions } of this.#elements) {
      elements.byte(0);
      elements.byte(0x41);
      elements.signed(at);
      elements.byte(0x0b);
      elements.unsigned(functions.length);
      for (const index of functions) elements.unsigned(index);
    }
    return elements;
  }
}

function counted(count: number, content: ByteWriter): ByteWriter {
  const all = new ByteWriter();
  if (count === 0) return all;
  all.unsigned(count);
  all.append(content.view());
  return all;
}
