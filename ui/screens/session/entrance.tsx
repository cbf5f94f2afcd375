import { useSignal } from "@preact/signals"
import type { ComponentChildren } from "preact"
import { useEffect } from "preact/hooks"
import * as v from "valibot"
import { DefectClass } from "#contract/catalogue"
import { Session, SetupState } from "#contract/users"
import { asTrouble, type Trouble } from "../../api.ts"
import { type App, useApp, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Empty, Wait } from "../../parts/states.tsx"
import { SetupScreen } from "./setup.screen.tsx"
import { SignInScreen } from "./signin.screen.tsx"

type Door =
  | { at: "asking"; byLink: boolean }
  | { at: "setup" }
  | { at: "closed"; trouble?: Trouble }
  | { at: "open" }
  | { at: "unreachable" }

const one = v.pipe(v.string(), v.minLength(1))

/** Takes a one-time token out of the address, so that it is not left in the history or on the screen. */
function takeToken(): string | undefined {
  const token = v.safeParse(one, new URLSearchParams(location.hash.slice(1)).get("token"))
  if (!token.success) return undefined
  history.replaceState(null, "", location.pathname + location.search)
  return token.output
}

async function findDoor(app: App, token: string | undefined): Promise<Door> {
  try {
    const setup = await app.api.get("/api/setup", SetupState)
    if (setup.needed) return { at: "setup" }
    app.session.value =
      token === undefined
        ? await app.api.get("/api/session", Session)
        : await app.api.post("/api/session", { token }, Session)
    return { at: "open" }
  } catch (error) {
    const trouble = asTrouble(error)
    if (trouble.code === "network") return { at: "unreachable" }
    return token === undefined ? { at: "closed" } : { at: "closed", trouble }
  }
}

/** Who is there? Shows the screens to signed-in people, and the way in to everybody else. */
export function Entrance({ children }: { children: ComponentChildren }) {
  const app = useApp()
  const words = useWords()
  const door = useSignal<Door>({ at: "asking", byLink: location.hash.includes("token=") })
  const signedIn = app.session.value !== null
  const person = app.session.value?.user.id

  const knock = async () => {
    const token = takeToken()
    door.value = { at: "asking", byLink: token !== undefined }
    door.value = await findDoor(app, token)
  }

  useEffect(() => {
    void knock()
  }, [])

  useEffect(() => {
    const user = app.session.value?.user
    if (!user) return
    app.prefs.language.value = user.language
    app.live.start()
    const readCatalogue = () =>
      app.api.list("/api/defect-classes", DefectClass).then(
        (kinds) => {
          app.kinds.value = kinds
        },
        // The screens work without the catalogue (keys are shown); the next sign-in or event reads it again.
        (error: unknown) => console.warn("catalogue", error),
      )
    void readCatalogue()
    const off = app.live.on(["catalogue"], () => void readCatalogue())
    return () => {
      off()
      app.live.stop()
    }
  }, [person])

  if (signedIn) return <>{children}</>
  const now = door.value
  if (now.at === "asking") return <Wait {...(now.byLink ? { text: words.session.byLink } : {})} />
  if (now.at === "unreachable")
    return (
      <Empty icon="cloudOff" title={words.common.offlineTitle} body={words.common.offlineBody}>
        <Button look="primary" onClick={() => void knock()}>
          {words.common.retry}
        </Button>
      </Empty>
    )
  if (now.at === "setup") return <SetupScreen />
  return (
    <SignInScreen
      {...(now.at === "closed" && now.trouble ? { trouble: now.trouble } : {})}
      expired={now.at === "open"}
    />
  )
}
