import { inNextTask } from "./next-task.ts"

/** Calls back in a task of its own behind the next frame: what was changed until now has been painted by then. */
export function afterFrame(then: () => void): void {
  requestAnimationFrame(() => inNextTask(then))
}
