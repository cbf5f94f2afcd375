/** Calls back in a task of its own: what somebody does meanwhile, and a frame that is due, go first. */
export function inNextTask(then: () => void): void {
  // A timer may wait for longer than it was told; a message does not.
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = then
  port2.postMessage(null)
}
