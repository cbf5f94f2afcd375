import { Security } from "#contract/security"
import { useApp, useFormat, useWords } from "../../context.ts"
import { Icon } from "../../parts/icon.tsx"
import { useResource } from "../../resource.ts"

/** Certificates that end and are not renewed by themselves; nothing when there are none. */
export function Certificates() {
  const { api } = useApp()
  const words = useWords()
  const format = useFormat()
  const security = useResource("security", (s) => api.get("/api/security", Security, s), ["device"])
  const list = security.data.value?.certificates ?? []
  if (list.length === 0) return null
  const text = words.devices.certificate
  const urgent = list.some(({ within_days }) => within_days <= 7)
  return (
    <div
      class={urgent ? "note note-trouble" : "note"}
      role={urgent ? "alert" : undefined}
      data-testid="stations-certificates"
    >
      <Icon name={urgent ? "warning" : "key"} />
      <div class="note-text">
        {list.map(({ of, device, name, expires_at, within_days }) => (
          <p key={`${of} ${device}`}>
            {text.whose[of](name ?? device ?? "")}{" "}
            {within_days === 0
              ? text.ended(format.dateTime(expires_at))
              : text.ends(format.dateTime(expires_at))}{" "}
            {text.remedy[of]}
          </p>
        ))}
      </div>
    </div>
  )
}
