/** Two endpoints joined in memory, for one process and for tests. Delivery is asynchronous, in order, as on a real carrier. */
import type { Endpoint, EndpointMessage } from "./Endpoint.ts";
import { EndpointCore } from "./EndpointCore.ts";

class MemoryEndpoint extends EndpointCore {
  peer: MemoryEndpoint | undefined;

  protected override transmit(message: EndpointMessage): void {
    const peer = this.peer;
    void Promise.resolve().then(() => peer?.received(message));
  }

  protected override shut(): void {
    const peer = this.peer;
    void Promise.resolve().then(() => peer?.close("the other side closed"));
  }
}

export function memoryEndpointPair(): [Endpoint, Endpoint] {
  const left = new MemoryEndpoint();
  const right = new MemoryEndpoint();
  left.peer = right;
  right.peer = left;
  return [left, right];
}
