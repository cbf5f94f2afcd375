/** Calls back in a task of its own behind the next frame: what was changed until now has been painted by then. */
export function afterFrame(then: () => void): void {
  requestAnimationFrame(() => {
    // A timer may wait for longer than it was told; a message does not.
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = then
    port2.postMessage(null)
  })
}
