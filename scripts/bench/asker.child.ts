import process from "node:process"

/**
 * Somebody at a screen while stations send: `asker.child.ts DATA URL COOKIE` asks for a page of the list again and again.
 * A process of its own, as the generator of the load would keep it waiting. Prints { ready }; at each line of its
 * standard input it prints how long the answers took since the last one, in ms, and ends when that does.
 */
const [, url = "", cookie = ""] = process.argv.slice(2)
let took: number[] = []
const ask = async (): Promise<void> => {
  const start = performance.now()
  const answer = await fetch(`${url}/api/inspections?limit=50`, { headers: { cookie } })
  await answer.arrayBuffer()
  if (answer.status !== 200) throw new Error(`the list answered ${answer.status}`)
  took.push(performance.now() - start)
}
// The first answers compile what the others use.
for (let i = 0; i < 50; i++) await ask()
took = []
console.log(JSON.stringify({ ready: true }))
process.stdin.on("data", () => {
  console.log(JSON.stringify(took))
  took = []
})
process.stdin.once("end", () => process.exit(0))
for (;;) {
  await ask()
  await Bun.sleep(10)
}
