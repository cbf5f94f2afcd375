import type { Socket } from "node:net"

/** Sockets handed on in one turn of the event loop: some ten milliseconds' worth of CONNECT packets. */
const perTurn = 16

/**
 * Lets sockets in a few at a time, in the order they came. After a power cut of a whole plant thousands knock at once;
 * taken as they come their CONNECT packets held the loop for more than a second (measured at 10,000), and with it every
 * screen and every acknowledgement. Who waits here is read no further than the socket's own buffer.
 */
export function createAdmission({ letIn }: { letIn: (socket: Socket) => void }) {
  let waiting: Socket[] = []
  let turning = false

  const turn = () => {
    const next = waiting.slice(0, perTurn)
    waiting = waiting.slice(perTurn)
    // A peer that has given up meanwhile would never tell again that it is gone.
    for (const socket of next) if (!socket.destroyed) letIn(socket)
    turning = waiting.length > 0
    if (turning) setImmediate(turn)
  }

  return {
    enter: (socket: Socket): void => {
      waiting.push(socket)
      if (turning) return
      turning = true
      setImmediate(turn)
    },
    close: (): void => {
      for (const socket of waiting) socket.destroy()
      waiting = []
    },
  }
}
