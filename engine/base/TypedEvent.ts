import type { Disposable } from "./Disposable.ts";

/** One event with one payload type. Listeners run synchronously in the order they subscribed. */
export class TypedEvent<T> {
  readonly #listeners = new Set<(value: T) => void>();

  subscribe(listener: (value: T) => void): Disposable {
    this.#listeners.add(listener);
    return { dispose: () => void this.#listeners.delete(listener) };
  }

  emit(value: T): void {
    for (const listener of [...this.#listeners]) listener(value);
  }
}
