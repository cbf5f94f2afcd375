import { asTrouble } from "../../api.ts"
import type { App } from "../../context.ts"

/**
 * Signs the person out. What they left unsent stays on the tablet and goes out in their name. Without the network the
 * tablet forgets them at once, and tells the hub when it answers again.
 */
export async function leave(app: App): Promise<void> {
  await app.outbox.value?.leave()
  try {
    await app.api.run("DELETE", "/api/session")
  } catch (error) {
    const trouble = asTrouble(error)
    if (trouble.code === "network") app.tablet.leaveLater()
    else if (trouble.code !== "unauthenticated") throw error
  }
  app.tablet.forget()
  app.tablet.setLocked(false)
  app.tablet.left.value = true
  app.session.value = null
}
