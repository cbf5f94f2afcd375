import { Security } from "#contract/security"
import { useApp, useFormat, useWords } from "../../context.ts"
import { LinkButton } from "../../parts/button.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Tag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"

/** How the hub's doors are locked, and what they turned away: for who looks after the network. */
export function Doors() {
  const { api, now } = useApp()
  const words = useWords()
  const format = useFormat()
  const security = useResource("security", (s) => api.get("/api/security", Security, s), ["device"])
  return (
    <section class="panel" data-testid="stations-doors">
      <div class="panel-head">
        <h2>{words.stations.doors}</h2>
        <LinkButton href="/api/ca.pem" icon="key" testid="stations-ca">
          {words.stations.caDownload}
        </LinkButton>
      </div>
      <Loaded resource={security}>
        {(facts) => (
          <>
            {facts.plain === "network-unencrypted" && (
              <Tag tone="ng" icon="warning">
                {words.stations.plainNetwork}
              </Tag>
            )}
            <dl class="facts">
              <div class="fingerprint-fact">
                <dt>{words.stations.caFingerprint}</dt>
                <dd class="fingerprint-long num">{facts.ca.replace(/(.{4})(?=.)/g, "$1 ")}</dd>
              </div>
              <div>
                <dt>{words.stations.certificateEnds}</dt>
                <dd>{format.dateTime(facts.certificate_expires_at)}</dd>
              </div>
            </dl>
            <h3 class="turned-away-title">{words.stations.turnedAway}</h3>
            {facts.turned_away.length === 0 ? (
              <p class="muted">{words.stations.nothingTurnedAway}</p>
            ) : (
              <ul class="turned-away">
                {facts.turned_away.map(({ reason, count, last_at, last_from }) => (
                  <li key={reason}>
                    <span>{words.stations.doorReason[reason]}</span>
                    <b class="num">{format.number(count)}</b>
                    <span class="muted">
                      {last_from} · {format.ago(last_at, now.value)}
                    </span>
                  </li>
                ))}
              </ul>
            )}
          </>
        )}
      </Loaded>
    </section>
  )
}
