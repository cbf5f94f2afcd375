import { useSignal } from "@preact/signals"
import type { ComponentChildren } from "preact"
import { useEffect, useLayoutEffect } from "preact/hooks"
import * as v from "valibot"
import { DefectClass } from "#contract/catalogue"
import { ThisTablet } from "#contract/tablets"
import { Session, SetupState } from "#contract/users"
import { asTrouble, type Trouble } from "../../api.ts"
import { type App, useApp, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { split } from "../../parts/split.tsx"
import { Empty, Wait } from "../../parts/states.tsx"
import { useIdleLock } from "./idle-lock.ts"
import { useOutbox } from "./outbox.ts"
import { SignInScreen } from "./signin.screen.tsx"
import { UnsentHere } from "./unsent-here.tsx"

const SetupScreen = split(() => import("./setup.screen.tsx").then((m) => m.SetupScreen))
const TabletScreen = split(() => import("./tablet.screen.tsx").then((m) => m.TabletScreen))
const LockScreen = split(() => import("./lock.screen.tsx").then((m) => m.LockScreen))

type Door =
  | { at: "asking"; byLink: boolean }
  | { at: "setup" }
  | { at: "closed"; trouble?: Trouble }
  | { at: "open" }
  | { at: "unreachable" }

const passing: ReadonlySet<Trouble["code"]> = new Set(["unavailable", "internal", "rate_limited", "no_space"])

const one = v.pipe(v.string(), v.minLength(1))

/** Takes a one-time secret out of the address, so that it is not left in the history or on the screen. */
function takeFromAddress(name: "token" | "tablet"): string | undefined {
  const found = v.safeParse(one, new URLSearchParams(location.hash.slice(1)).get(name))
  if (!found.success) return undefined
  history.replaceState(null, "", location.pathname + location.search)
  return found.output
}

async function findDoor(app: App, token: string | undefined): Promise<Door> {
  const code = takeFromAddress("tablet")
  let trouble: Trouble | undefined
  if (code !== undefined) {
    try {
      app.tablet.face.value = await app.api.post("/api/tablet", { code }, ThisTablet)
    } catch (error) {
      trouble = asTrouble(error)
    }
  }
  try {
    if (app.tablet.isLeaving()) {
      await app.api.run("DELETE", "/api/session").catch((error: unknown) => {
        if (asTrouble(error).code !== "unauthenticated") throw error
      })
      app.tablet.hasLeft()
    }
    // All at once: none needs what another answers, and a slow tablet waits for one answer and not for three.
    const opened = token === undefined ? app.api.get("/api/session", Session) : undefined
    opened?.catch(() => {})
    const [setup, face] = await Promise.all([
      app.api.get("/api/setup", SetupState),
      app.api.get("/api/tablet", ThisTablet),
    ])
    app.tablet.face.value = face
    if (setup.needed) return { at: "setup" }
    app.session.value = await (opened ?? app.api.post("/api/session", { token }, Session))
    return { at: "open" }
  } catch (error) {
    const failed = asTrouble(error)
    // A hub that is starting or busy says nothing about who is signed in, no more than one that is away.
    if (failed.code === "network" || (token === undefined && passing.has(failed.code))) return recallDoor(app)
    app.tablet.forget()
    // A locked screen is nobody's once nobody is signed in.
    app.tablet.setLocked(false)
    if (token !== undefined) trouble = failed
    return trouble ? { at: "closed", trouble } : { at: "closed" }
  }
}

/** Without the network the one who was signed in goes on; the hub is asked as soon as it answers. */
function recallDoor(app: App): Door {
  const session = app.tablet.recall(Date.now())
  if (!session) return { at: "unreachable" }
  app.tablet.away.value = true
  app.session.value = session
  return { at: "open" }
}

/** Who is there? Shows the screens to signed-in people, and the way in to everybody else. */
export function Entrance({ children }: { children: ComponentChildren }) {
  const app = useApp()
  const words = useWords()
  const signedIn = app.session.value !== null
  // The page may have said who it is for.
  const door = useSignal<Door>(
    signedIn ? { at: "open" } : { at: "asking", byLink: location.hash.includes("token=") },
  )
  const person = app.session.value?.user.id
  useOutbox(door.value.at !== "asking")
  useIdleLock()

  const knock = async () => {
    const token = takeFromAddress("token")
    door.value = { at: "asking", byLink: token !== undefined }
    door.value = await findDoor(app, token)
  }

  // Before the first frame is drawn: a slow tablet draws while the hub answers.
  useLayoutEffect(() => {
    if (door.peek().at === "asking") void knock()
    // Another tab has signed somebody in or out: what this one believes is wrong from here on.
    const onStorage = (event: StorageEvent) => {
      if (app.tablet.isSessionKey(event.key) && app.tablet.rememberedUser() !== app.session.value?.user.id)
        location.reload()
    }
    addEventListener("storage", onStorage)
    return () => removeEventListener("storage", onStorage)
  }, [])

  useLayoutEffect(() => {
    const user = app.session.value?.user
    if (!user) return
    app.tablet.left.value = false
    app.prefs.language.value = user.language
    app.live.start()
    const kinds = app.opened.take("kinds")
    app.kinds.value = kinds ?? app.tablet.recallKinds()
    if (kinds) app.tablet.rememberKinds(kinds)
    const readCatalogue = () =>
      app.api.list("/api/defect-classes", DefectClass).then(
        (kinds) => {
          app.kinds.value = kinds
          app.tablet.rememberKinds(kinds)
        },
        // The screens work with the catalogue of before; the next sign-in or event reads it again.
        (error: unknown) => console.info("catalogue", asTrouble(error).key),
      )
    if (!kinds) void readCatalogue()
    const off = app.live.on(["catalogue"], () => void readCatalogue())
    const offConnected = app.live.connected.subscribe((connected) => {
      if (!connected || !app.tablet.away.peek()) return
      app.tablet.away.value = false
      void readCatalogue()
    })
    return () => {
      off()
      offConnected()
      app.live.stop()
    }
  }, [person])

  useEffect(() => {
    if (!app.tablet.away.value) return
    // Nobody else asks while the event stream cannot be opened; a refusal ends the borrowed session.
    const asking = setInterval(() => {
      app.api.get("/api/session", Session).then(
        (session) => {
          app.tablet.away.value = false
          app.session.value = session
        },
        (error: unknown) => {
          if (asTrouble(error).code !== "unauthenticated") return
          app.tablet.away.value = false
          app.tablet.forget()
          app.session.value = null
        },
      )
    }, 5_000)
    return () => clearInterval(asking)
  }, [app.tablet.away.value])

  const now = door.value
  const asking = now.at === "asking"
  const away = app.tablet.away.value
  useEffect(() => {
    // Opened without the network this tablet did not hear yet what it is: the next person could not come in by name.
    if (asking || away || app.tablet.face.peek()) return
    app.api.get("/api/tablet", ThisTablet).then(
      (face) => {
        app.tablet.face.value = face
      },
      (error: unknown) => console.info("tablet", asTrouble(error).key),
    )
  }, [asking, away, signedIn])

  const isLocked = app.tablet.locked.value
  useEffect(() => {
    // Nobody works over a door or a lock.
    if (!asking && (!signedIn || isLocked)) app.opened.end()
  }, [asking, signedIn, isLocked])

  const outdated = app.tablet.outdated.value
  useEffect(() => {
    // Nobody is in the middle of anything.
    if (!signedIn && outdated && !asking) app.tablet.renew()
  }, [signedIn, outdated, asking])

  if (signedIn)
    return (
      <>
        {children}
        {app.tablet.locked.value && <LockScreen />}
      </>
    )
  if (now.at === "asking") return <Wait {...(now.byLink ? { text: words.session.byLink } : {})} />
  if (now.at === "unreachable")
    return (
      <Empty icon="cloudOff" title={words.common.offlineTitle} body={words.common.offlineBody}>
        <UnsentHere />
        <Button look="primary" onClick={() => void knock()}>
          {words.common.retry}
        </Button>
      </Empty>
    )
  if (now.at === "setup") return <SetupScreen />
  const known = now.at === "closed" && now.trouble ? { trouble: now.trouble } : {}
  if (app.tablet.face.value?.tablet) return <TabletScreen {...known} />
  return <SignInScreen {...known} expired={now.at === "open" && !app.tablet.left.value} />
}
