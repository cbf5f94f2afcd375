import { createHash } from "node:crypto"
import { Hono } from "hono"
import { html, raw } from "hono/html"
import { accessTable } from "./access.ts"
import { asyncApiDocument } from "./asyncapi.ts"
import { allow, type HubEnv } from "./kit.ts"

const words = {
  en: {
    title: "Interfaces of this hub",
    mqtt: "Over MQTT",
    http: "Over HTTP",
    toHub: "to the hub",
    fromHub: "from the hub",
    kept: "kept",
    payload: "Content",
    binary: "binary",
    other: "한국어",
    raw: "The same for programs",
    access: {
      worker: "everyone signed in",
      reviewer: "reviewers and up",
      engineer: "engineers",
      admin: "admins",
      open: "without sign-in",
    },
  },
  ko: {
    title: "이 허브의 인터페이스",
    mqtt: "MQTT로",
    http: "HTTP로",
    toHub: "허브로",
    fromHub: "허브에서",
    kept: "보관됨",
    payload: "내용",
    binary: "이진 데이터",
    other: "English",
    raw: "프로그램용 문서",
    access: {
      worker: "로그인한 모든 사람",
      reviewer: "검토자",
      engineer: "엔지니어",
      admin: "관리자",
      open: "로그인 없이",
    },
  },
} as const

/** The one style of the page; the policy below names it by its digest. */
const style = `
body { font: 1rem/1.5 Pretendard, system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
a { display: inline-block; padding: .6rem .2rem }
summary { padding: .6rem .2rem; cursor: pointer }
code { overflow-wrap: anywhere }
section { border-top: 1px solid #8886; padding: .5rem 0 }
h3 { margin: .5rem 0 0; font-weight: 600 }
p { margin: .25rem 0 }
pre { overflow-x: auto; background: #8882; padding: .75rem; border-radius: .5rem }
td { padding: .3rem 1rem .3rem 0; vertical-align: top; border-top: 1px solid #8884 }
`
const policy = `default-src 'none'; style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'; frame-ancestors 'none'; base-uri 'none'`

/** The document speaks English; this is what its topics are to people who read Korean. */
const korean: Readonly<Record<string, string>> = {
  inspection:
    "검사 한 건(CXF1 프레임): 머리 12바이트, JSON 헤더(아래 스키마), 이미지 순서. 디스크에 저장되면 down/ack로 응답합니다.",
  segment: "메시지 하나보다 긴 프레임의 조각.",
  chunkGet: "모델 조각을 요청합니다. 조각은 down/blob으로 옵니다.",
  event: "스테이션에서 일어난 일.",
  verdict: "부품에 대한 판정. 라인에 알리는 그대로입니다.",
  state: "스테이션이 연결되었거나 끊겼음. 유언(will) 메시지이기도 합니다.",
  reported: "스테이션이 실행 중인 것과 현재 상태.",
  desired: "스테이션이 실행해야 할 것. 허브가 서명합니다.",
  ack: "검사가 어떻게 처리되었는지, 그리고 한 번에 보낼 수 있는 양.",
  segmentAnswer: "긴 프레임에서 아직 오지 않은 조각.",
  error: "허브가 받지 않은 것과 그 이유.",
  chunk: "모델 등 객체의 바이트.",
  hubState: "허브가 연결되었거나 끊겼음, 에포크와 한도. 유언(will) 메시지이기도 합니다.",
  unsResult: "스테이션의 마지막 결과(이미지 없음).",
  unsState: "스테이션이 연결되어 있는지 여부.",
}

type Operation = {
  action: string
  summary: string
  bindings: { mqtt: { qos: number; retain: boolean } }
}
type Document = {
  channels: Record<string, { address: string }>
  operations: Record<string, Operation>
  components: { messages: Record<string, { contentType: string; payload: unknown }> }
}

/** Both interfaces for programs, and a page for people that needs nothing from outside and runs no script. */
export function createReferenceRoutes({
  app,
  version,
}: {
  /** The whole app, whose routes are listed; asked when the page is. */
  app: () => Hono<HubEnv>
  version: string
}): Hono<HubEnv> {
  return new Hono<HubEnv>()
    .get("/api/asyncapi.json", allow("worker"), (c) => c.json(asyncApiDocument(version)))
    .get("/api/reference", allow("worker"), (c) => {
      const asked = c.req.query("lang") ?? c.get("user")?.language
      const lang = asked === "en" ? "en" : "ko"
      const w = words[lang]
      const { channels, operations, components } = asyncApiDocument(version) as unknown as Document
      const routes = accessTable(app()).filter(({ path }) => path.startsWith("/api/"))
      c.header("Content-Security-Policy", policy)
      return c.html(html`<!doctype html>
<html lang="${lang}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>${w.title}</title><style>${raw(style)}</style></head>
<body>
<h1>${w.title}</h1>
<p><a href="?lang=${lang === "ko" ? "en" : "ko"}">${w.other}</a> · ${w.raw}: <a href="/api/asyncapi.json">AsyncAPI</a>, <a href="/api/openapi.json">OpenAPI</a></p>
<h2>${w.mqtt}</h2>
${Object.entries(operations).map(([name, { action, summary, bindings }]) => {
  const message = components.messages[name]
  const { qos, retain } = bindings.mqtt
  const kept = retain ? `, ${w.kept}` : ""
  return html`<section id="${name}"><h3><code>${channels[name]?.address}</code></h3>
<p>${action === "receive" ? w.toHub : w.fromHub}, QoS ${qos}${kept}. ${lang === "ko" ? (korean[name] ?? summary) : summary}</p>
${
  message?.contentType === "application/octet-stream"
    ? html`<p>${w.payload}: ${w.binary}</p>`
    : html`<details><summary>${w.payload}</summary><pre>${JSON.stringify(message?.payload, null, 2)}</pre></details>`
}</section>
`
})}
<h2>${w.http}</h2>
<table>
${routes.map(
  ({ method, path, access }) =>
    html`<tr><td><code>${method}</code></td><td><code>${path}</code></td><td>${w.access["role" in access ? access.role : "open"]}</td></tr>
`,
)}
</table>
</body>
</html>`)
    })
}
