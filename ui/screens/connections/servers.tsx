import { useSignal } from "@preact/signals"
import { useEffect } from "preact/hooks"
import type * as v from "valibot"
import { ModelServer, type NewModelServer, ProjectName } from "#contract/label-studio"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp } from "../../context.ts"
import { useDeskWords } from "../../desk-words.ts"
import { Button } from "../../parts/button.tsx"
import { Confirm } from "../../parts/confirm.tsx"
import { Field, Segmented, Select } from "../../parts/field.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Panel } from "../../parts/page.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { useResource } from "../../resource.ts"
import { Server } from "./server.tsx"
import { ServerTrial } from "./server-trial.dialog.tsx"

/** How often a server that is being asked about many tasks is looked at. */
const lookMs = 1_500

/** Model servers that speak Label Studio's protocol: connected, asked, and put before people. */
export function Servers() {
  const { api } = useApp()
  const w = useDeskWords().servers
  const servers = useResource("model servers", (s) => api.list("/api/label-studio/servers", ModelServer, s))
  const projects = useResource("projects", (s) => api.list("/api/label-studio/projects", ProjectName, s))
  const trouble = useSignal<Trouble | undefined>(undefined)
  const busy = useSignal<number | null>(null)
  const trying = useSignal<ModelServer | null>(null)
  const ending = useSignal<ModelServer | null>(null)

  const asking = servers.data.value?.some(({ run }) => run?.ended === false) ?? false
  useEffect(() => {
    if (!asking) return
    const timer = setInterval(servers.reload, lookMs)
    return () => clearInterval(timer)
  }, [asking, servers.reload])

  async function attempt(of: number | null, work: () => Promise<unknown>): Promise<boolean> {
    trouble.value = undefined
    busy.value = of
    try {
      await work()
      return true
    } catch (error) {
      trouble.value = asTrouble(error)
      return false
    } finally {
      busy.value = null
      servers.reload()
    }
  }
  const at = ({ id }: ModelServer) => `/api/label-studio/servers/${id}`
  return (
    <Panel title={w.title}>
      <div class="form">
        <p class="muted">{w.lead}</p>
        <Loaded resource={servers}>
          {(list) =>
            list.length === 0 ? (
              <p class="muted">{w.none}</p>
            ) : (
              <ul class="rows">
                {list.map((server) => (
                  <Server
                    key={server.id}
                    server={server}
                    busy={busy.value === server.id}
                    onCheck={() =>
                      void attempt(server.id, () => api.post(`${at(server)}/check`, {}, ModelServer))
                    }
                    onChange={(patch) =>
                      void attempt(server.id, () => api.patch(at(server), patch, ModelServer))
                    }
                    onPredict={(all) =>
                      void attempt(server.id, () => api.post(`${at(server)}/predict`, { all }, ModelServer))
                    }
                    onTry={() => {
                      trying.value = server
                    }}
                    onEnd={() => {
                      ending.value = server
                    }}
                  />
                ))}
              </ul>
            )
          }
        </Loaded>
        {projects.data.value?.length === 0 && <p class="muted">{w.noProject}</p>}
        {projects.data.value && projects.data.value.length > 0 && (
          <Add
            projects={projects.data.value}
            onAdd={(asked) => attempt(null, () => api.post("/api/label-studio/servers", asked, ModelServer))}
          />
        )}
        {trouble.value && <TroubleNote trouble={trouble.value} />}
      </div>
      {trying.value && (
        <ServerTrial
          server={trying.value}
          onClose={() => {
            trying.value = null
            servers.reload()
          }}
        />
      )}
      {ending.value && (
        <Confirm
          title={w.endTitle}
          body={w.endBody}
          yes={w.end}
          danger
          onYes={async () => {
            if (ending.value) await api.run("DELETE", at(ending.value))
            servers.reload()
          }}
          onClose={() => {
            ending.value = null
          }}
          testid="servers-end-yes"
        />
      )}
    </Panel>
  )
}

type Asked = v.InferInput<typeof NewModelServer>
type SignIn = ModelServer["sign_in"]

function Add({
  projects,
  onAdd,
}: {
  projects: readonly ProjectName[]
  onAdd: (asked: Asked) => Promise<boolean>
}) {
  const w = useDeskWords().servers
  const url = useSignal("")
  const title = useSignal("")
  const project = useSignal(String(projects[0]?.id ?? ""))
  const signIn = useSignal<SignIn>("none")
  const user = useSignal("")
  const secret = useSignal("")
  const busy = useSignal(false)
  async function add() {
    busy.value = true
    const asked: Asked = {
      project: Number(project.value),
      url: url.value,
      title: title.value,
      ...(signIn.value === "password" && {
        user: user.value,
        ...(secret.value !== "" && { password: secret.value }),
      }),
      ...(signIn.value === "token" && { token: secret.value }),
    }
    if (await onAdd(asked)) {
      url.value = title.value = user.value = secret.value = ""
      signIn.value = "none"
    }
    busy.value = false
  }
  const isReady =
    url.value !== "" &&
    (signIn.value !== "token" || secret.value !== "") &&
    (signIn.value !== "password" || user.value !== "")
  return (
    <details class="assist-add">
      <summary class="button button-plain" data-testid="servers-add">
        {w.add}
      </summary>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          void add()
        }}
      >
        <Field
          label={w.url}
          hint={w.urlHint}
          value={url.value}
          onValue={(text) => {
            url.value = text.trim()
          }}
          required
          maxLength={2048}
          spellcheck={false}
          autocapitalize="none"
          testid="servers-url"
        />
        <Field
          label={w.name}
          value={title.value}
          onValue={(text) => {
            title.value = text
          }}
          maxLength={256}
        />
        <Select
          label={w.project}
          value={project.value}
          options={projects.map(({ id, title: name, tasks }) => ({
            value: String(id),
            text: `${name} (${w.tasks(tasks)})`,
          }))}
          onValue={(value) => {
            project.value = value
          }}
          testid="servers-project"
        />
        <Segmented
          label={w.signIn}
          value={signIn.value}
          options={(["none", "password", "token"] as const).map((value) => ({
            value,
            text: w.signIns[value],
          }))}
          onValue={(value) => {
            signIn.value = value
            secret.value = ""
          }}
        />
        {signIn.value === "password" && (
          <Field
            label={w.user}
            value={user.value}
            onValue={(text) => {
              user.value = text
            }}
            maxLength={256}
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
          />
        )}
        {signIn.value !== "none" && (
          <Field
            label={w.signIns[signIn.value]}
            type="password"
            value={secret.value}
            onValue={(text) => {
              secret.value = text
            }}
            maxLength={4096}
            autocomplete="new-password"
          />
        )}
        <Button type="submit" look="primary" busy={busy.value} disabled={!isReady} testid="servers-connect">
          {w.connect}
        </Button>
      </form>
    </details>
  )
}
