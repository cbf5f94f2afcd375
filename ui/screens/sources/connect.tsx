import { useSignal } from "@preact/signals"
import type { SourceView } from "#contract/source"
import { useWords } from "../../context.ts"
import { useDeskWords } from "../../desk-words.ts"
import { Button } from "../../parts/button.tsx"

/** What to type into the camera's menus, line by line. `token` only right after it was made. */
export function Connect({ source, token }: { source: SourceView; token?: string }) {
  const texts = useDeskWords().sources
  const { connect, profile } = source
  const hidden = token ?? texts.tokenHidden
  const http = `${location.protocol}//${connect.mqtt.host}${location.port ? `:${location.port}` : ""}${connect.http}`
  const lines: [string, string][] =
    profile.kind === "folder"
      ? [[texts.folder, connect.folder ?? ""]]
      : profile.kind === "http"
        ? [
            [texts.address, http],
            [texts.user, source.id],
            [texts.token, hidden],
          ]
        : [
            [texts.broker, `${connect.mqtt.host}:${connect.mqtt.port}${connect.mqtt.tls ? " (TLS)" : ""}`],
            [texts.user, source.id],
            [texts.token, hidden],
            [
              texts.topic,
              source.foreign_topics.length > 0 ? source.foreign_topics.join(", ") : `${connect.mqtt.topic}…`,
            ],
          ]
  return (
    <dl class="source-connect">
      {lines.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class="num" data-testid={value === token ? "source-token" : undefined}>
            {value}
          </dd>
          {value === token && <Copy text={value} />}
        </div>
      ))}
    </dl>
  )
}

function Copy({ text }: { text: string }) {
  const words = useWords()
  const done = useSignal(false)
  // Browsers give the clipboard to secure pages only; elsewhere the text is selected by hand.
  if (!navigator.clipboard) return null
  return (
    <Button
      look="quiet"
      onClick={() =>
        void navigator.clipboard.writeText(text).then(() => {
          done.value = true
        })
      }
    >
      {done.value ? words.common.copied : words.common.copy}
    </Button>
  )
}
