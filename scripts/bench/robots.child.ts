import process from "node:process"

/**
 * Other people at other tablets: `robots.child.ts URL COUNT PASSWORD`. Each signs in and judges one part after another at the
 * pace of a trained worker, without looking at pictures. Prints one line when all are at work, and how many labels they
 * have stored when its standard input ends.
 */
const [url = "", count = "50", password = ""] = process.argv.slice(2)
/** From 1 to 2 s a part: the aim for a confirmed pre-label is 1.5 s. */
const thinkMs = () => 1_000 + Math.random() * 1_000
let labels = 0
let working = true

async function ask(cookie: string, path: string, body: unknown): Promise<Response> {
  return fetch(url + path, {
    method: "POST",
    headers: { "content-type": "application/json", origin: url, cookie },
    body: JSON.stringify(body),
  })
}

async function work(cookie: string): Promise<void> {
  await Bun.sleep(thinkMs())
  while (working) {
    const answer = await ask(cookie, "/api/labelling/next", { holding: [] })
    if (answer.status === 200) {
      const { inspection, lease } = (await answer.json()) as {
        inspection: { id: string }
        lease: { id: string }
      }
      const at = Date.now()
      const label = {
        id: Bun.randomUUIDv7(),
        inspection_id: inspection.id,
        lease_id: lease.id,
        verdict: "ok",
        kinds: [],
        boxes: [],
        accepted: false,
        shown_at: at - 1_500,
        decided_at: at,
        active_ms: 1_500,
      }
      const stored = await ask(cookie, "/api/labels", label)
      if (stored.status === 201) labels += 1
      await stored.body?.cancel()
    }
    await Bun.sleep(thinkMs())
  }
}

const cookies: string[] = []
for (let i = 0; i < Number(count); i++) {
  const answer = await ask("", "/api/session", { login: "lee", password })
  if (answer.status !== 201) throw new Error(await answer.text())
  cookies.push(answer.headers.getSetCookie().join("; ").split(";")[0] ?? "")
}
const all = cookies.map(work)
console.log("at work")
process.stdin.resume()
process.stdin.once("end", async () => {
  working = false
  await Promise.all(all)
  console.log(labels)
  process.exit(0)
})
