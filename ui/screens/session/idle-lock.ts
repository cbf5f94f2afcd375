import { useEffect } from "preact/hooks"
import { useApp } from "../../context.ts"

const acts = ["pointerdown", "keydown", "wheel", "touchstart"] as const

/**
 * Locks an enrolled tablet that nobody touches. The part stays in the hand, blurred, and what is unsent goes on being
 * sent; elsewhere the session's own limits have to do.
 */
export function useIdleLock(): void {
  const { session, tablet } = useApp()
  const minutes = session.value?.tablet ? (tablet.face.value?.idle_lock_minutes ?? 0) : 0
  useEffect(() => {
    if (minutes === 0) return
    let touched = Date.now()
    const touch = () => {
      touched = Date.now()
    }
    // A timer of the whole time would sleep with the tablet; the clock does not.
    const looking = setInterval(() => {
      if (Date.now() - touched >= minutes * 60_000) tablet.setLocked(true)
    }, 1_000)
    for (const act of acts) addEventListener(act, touch, { capture: true, passive: true })
    return () => {
      clearInterval(looking)
      for (const act of acts) removeEventListener(act, touch, { capture: true })
    }
  }, [minutes, tablet])
}
