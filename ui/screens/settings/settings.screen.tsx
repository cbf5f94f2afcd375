import { useSignal } from "@preact/signals"
import { User } from "#contract/users"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useMay, useWords } from "../../context.ts"
import { languageNames } from "../../i18n/format.ts"
import { Button } from "../../parts/button.tsx"
import { Segmented } from "../../parts/field.tsx"
import { Page, Panel } from "../../parts/page.tsx"
import { split } from "../../parts/split.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { themes } from "../../prefs.ts"
import { leave } from "../session/leave.ts"
import { PinPanel } from "./pin-panel.tsx"
import { TabletPanel } from "./tablet-panel.tsx"

const ConnectionsLink = split(() => import("./connections-link.tsx").then((m) => m.ConnectionsLink))
const LabelSetupPanel = split(() => import("./label-setup.panel.tsx").then((m) => m.LabelSetupPanel))

/** What a person may set for themselves on this tablet, and the way out. */
export function SettingsScreen() {
  const app = useApp()
  const { api, prefs, session } = app
  const words = useWords()
  const mayShape = useMay("engineer")
  const trouble = useSignal<Trouble | undefined>(undefined)
  const user = session.value?.user

  async function signOut() {
    try {
      await leave(app)
    } catch (error) {
      trouble.value = asTrouble(error)
    }
  }

  return (
    <Page title={words.settings.title}>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <div class="settings">
        <Panel title={words.settings.account}>
          <div class="settings-account">
            <div>
              <p class="settings-name">{user?.name}</p>
              <p class="muted">
                {user?.login} · {user && words.role[user.role]}
              </p>
            </div>
            <Button icon="exit" onClick={() => void signOut()} testid="signout">
              {words.session.signOut}
            </Button>
          </div>
        </Panel>
        <Panel>
          <Segmented
            label={words.settings.language}
            value={prefs.language.value}
            options={[
              { value: "ko", text: languageNames.ko },
              { value: "en", text: languageNames.en },
            ]}
            onValue={(language) => {
              prefs.language.value = language
              // The language belongs to the person, so it follows them to the next tablet.
              api.patch("/api/session", { language }, User).catch((error: unknown) => {
                const failed = asTrouble(error)
                if (failed.code !== "answer") trouble.value = failed
              })
            }}
            testid="language"
          />
        </Panel>
        <Panel>
          <Segmented
            label={words.settings.theme}
            value={prefs.theme.value}
            options={themes.map((value) => ({ value, text: words.settings.themes[value] }))}
            onValue={(theme) => {
              prefs.theme.value = theme
            }}
            testid="theme"
          />
        </Panel>
        <Panel>
          <Segmented
            label={words.settings.hand}
            value={prefs.hand.value}
            options={[
              { value: "right", text: words.settings.hands.right },
              { value: "left", text: words.settings.hands.left },
            ]}
            onValue={(hand) => {
              prefs.hand.value = hand
            }}
            testid="hand"
          />
        </Panel>
        <Panel>
          <Segmented
            label={words.settings.keys}
            value={prefs.singleKeys.value ? "on" : "off"}
            options={[
              { value: "on", text: words.settings.on },
              { value: "off", text: words.settings.off },
            ]}
            onValue={(value) => {
              prefs.singleKeys.value = value === "on"
            }}
            testid="keys"
          />
          <p class="muted small">{words.settings.keysHint}</p>
        </Panel>
        <ConnectionsLink />
        {session.value?.tablet && <PinPanel />}
        <TabletPanel />
        {mayShape && <LabelSetupPanel />}
      </div>
    </Page>
  )
}
