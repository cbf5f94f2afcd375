/** Runs short pieces of work in their order, some now and the rest in later turns of the event loop. */
export type Turns = { readonly run: <T>(work: () => T) => Promise<T> }

/** Work of one turn, in ms: pages and other messages are served between two. */
const turnMs = 4

/**
 * What arrives together need not be done together: thirty pictures that came in one read, one after the other, would keep a
 * page waiting for all of them.
 */
export function createTurns({ now = () => performance.now() }: { now?: () => number } = {}): Turns {
  let waiting: (() => void)[] = []
  let until: number | undefined

  const next = () => {
    if (waiting.length === 0) {
      until = undefined
      return
    }
    const all = waiting
    until = now() + turnMs
    let done = 0
    do all[done++]!()
    while (done < all.length && now() < until)
    waiting = all.slice(done)
    setImmediate(next)
  }

  return {
    run: (work) =>
      new Promise((resolve, reject) => {
        const settle = () => {
          try {
            resolve(work())
          } catch (error) {
            reject(error)
          }
        }
        if (until === undefined) {
          until = now() + turnMs
          setImmediate(next)
        }
        if (waiting.length === 0 && now() < until) settle()
        else waiting.push(settle)
      }),
  }
}
