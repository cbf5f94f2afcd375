import { BrokerStatus } from "#contract/broker"
import { useApp, useFormat, useWords } from "../../context.ts"
import { useDeskWords } from "../../desk-words.ts"
import { LinkButton } from "../../parts/button.tsx"
import { Icon } from "../../parts/icon.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Tag } from "../../parts/tag.tsx"
import { TechnicalDetail } from "../../parts/technical-detail.tsx"
import { useResource } from "../../resource.ts"

const tones = { ok: "ok", warn: "unsure", failed: "ng", skipped: "neutral" } as const

/** Which broker carries the stations' messages, what its check has found, and whether it knows who may come in. */
export function Broker() {
  const { api, now, prefs } = useApp()
  const words = useWords()
  const w = useDeskWords().broker
  const format = useFormat()
  const broker = useResource("broker", (s) => api.get("/api/broker", BrokerStatus, s), ["device"])
  return (
    <section class="panel" data-testid="stations-broker">
      <div class="panel-head">
        <h2>{w.title}</h2>
        <LinkButton
          href={`/api/reference?lang=${prefs.language.value}`}
          icon="help"
          testid="stations-reference"
        >
          {w.reference}
        </LinkButton>
      </div>
      <Loaded resource={broker}>
        {({ kind, connected, since, sessions, address, losses, trouble, probe, access }) => (
          <div class="broker-card">
            <p>{w.kind[kind]}</p>
            {!connected && (
              <div class="note note-trouble">
                <Icon name="warning" />
                <div class="note-text">
                  <p>{w.away}</p>
                  <TechnicalDetail text={trouble} />
                </div>
              </div>
            )}
            {access && access.state !== "read" && (
              <div class="note note-trouble" data-testid="stations-broker-access">
                <Icon name="warning" />
                <div class="note-text">
                  <p>{w.access[access.state](access.files.join(", "))}</p>
                  <TechnicalDetail text={access.trouble} />
                </div>
              </div>
            )}
            <dl class="facts">
              {address && (
                <div>
                  <dt>{w.address}</dt>
                  <dd>{address}</dd>
                </div>
              )}
              <div>
                <dt>{connected ? w.since : w.awaySince}</dt>
                <dd>{format.ago(since, now.value)}</dd>
              </div>
              <div>
                <dt>{w.sessions}</dt>
                <dd class="num">{format.number(sessions)}</dd>
              </div>
              {losses !== undefined && (
                <div>
                  <dt>{w.losses}</dt>
                  <dd class="num">{format.number(losses)}</dd>
                </div>
              )}
              {access?.read_at !== undefined && (
                <div>
                  <dt>{w.accessRead}</dt>
                  <dd>{format.ago(access.read_at, now.value)}</dd>
                </div>
              )}
            </dl>
            {probe && (
              <>
                <h3 class="turned-away-title">
                  {w.probe} · {format.ago(probe.at, now.value)}
                </h3>
                <ul class="turned-away" data-testid="stations-broker-checks">
                  {probe.checks.map(({ check, state, detail }) => (
                    <li key={check}>
                      <div>
                        <span>{w.check[check]}</span>
                        {(state === "warn" || state === "failed") && (
                          <>
                            <p class="small">{words.devices.brokerAdvice[check]}</p>
                            <TechnicalDetail text={detail} />
                          </>
                        )}
                      </div>
                      <Tag tone={tones[state]}>{w.state[state]}</Tag>
                    </li>
                  ))}
                </ul>
              </>
            )}
          </div>
        )}
      </Loaded>
    </section>
  )
}
