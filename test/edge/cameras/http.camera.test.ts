import { afterAll, describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { createHttpCamera } from "../../../edge/cameras/http.camera.ts"
import { authorize, readChallenge } from "../../../edge/cameras/http-auth.ts"
import { jpegOf } from "../../models/kit.ts"
import { grey } from "../support/models.ts"

const cleanups: (() => unknown)[] = []
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
})

/** A camera whose answers the test makes; counts the requests. */
function cameraThat(answer: (request: Request) => Response | Promise<Response>) {
  let requests = 0
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => {
      requests += 1
      return answer(request)
    },
  })
  cleanups.push(() => server.stop(true))
  return { url: `http://127.0.0.1:${server.port}/snap.jpg?ch=1`, requests: () => requests }
}

type Options = Partial<Parameters<typeof createHttpCamera>[0]>

async function grab(url: string, options: Options = {}) {
  const signal = new AbortController().signal
  const grabber = await createHttpCamera({ url, ...options }).open(signal)
  return await grabber.grab({ fresh: true }, signal)
}
const reason = async (url: string, options: Options = {}) =>
  await grab(url, options).then(
    () => "a picture",
    (error: { key?: string; message: string }) => `${error.key}: ${error.message}`,
  )

const picture = await jpegOf(grey(128))
const image = (bytes: Uint8Array) =>
  new Response(new Uint8Array(bytes), { headers: { "content-type": "image/jpeg" } })

describe("a camera with a snapshot address", () => {
  test("gives the bytes of its picture unchanged", async () => {
    const { url } = cameraThat(() => image(picture))
    const frame = await grab(url)
    expect(frame.image).toMatchObject({ form: "encoded", mime: "image/jpeg" })
    if (frame.image.form !== "encoded") throw new Error("a file")
    expect(Buffer.compare(frame.image.bytes, picture)).toBe(0)
    expect(frame.simulated).toBe(false)
  })

  test("that asks for a password gets it, once it has asked: Basic", async () => {
    const asked: (string | null)[] = []
    const { url } = cameraThat((request) => {
      asked.push(request.headers.get("authorization"))
      if (asked.at(-1) === `Basic ${btoa("line:geheim")}`) return image(picture)
      return new Response("", { status: 401, headers: { "www-authenticate": 'Basic realm="cam"' } })
    })
    expect((await grab(url, { credentials: { user: "line", password: "geheim" } })).image.form).toBe(
      "encoded",
    )
    expect(asked[0]).toBeNull()
    const wrong = await reason(url, { credentials: { user: "line", password: "falsch" } })
    expect(wrong).toStartWith("camera_refused:")
    expect(wrong).not.toContain("falsch")
    expect(await reason(url)).toStartWith("camera_refused:")
  })

  test("that asks for Digest gets an answer for each request, and never the password itself", async () => {
    const counts: string[] = []
    let nonce = "n1"
    const { url } = cameraThat((request) => {
      const given = request.headers.get("authorization") ?? ""
      const challenge = {
        status: 401,
        headers: {
          "www-authenticate": `Digest realm="cam", qop="auth", nonce="${nonce}", algorithm=SHA-256, Basic realm="cam"`,
        },
      }
      const field = (name: string) => new RegExp(`${name}="?([^",]+)`).exec(given)?.[1] ?? ""
      const hash = (text: string) => createHash("sha256").update(text).digest("hex")
      const { pathname, search } = new URL(request.url)
      const expected = hash(
        `${hash("line:cam:geheim")}:${nonce}:${field("nc")}:${field("cnonce")}:auth:${hash(`GET:${pathname}${search}`)}`,
      )
      if (field("response") !== expected || field("nonce") !== nonce) return new Response("", challenge)
      counts.push(field("nc"))
      return image(picture)
    })
    const signal = new AbortController().signal
    const camera = createHttpCamera({ url, credentials: { user: "line", password: "geheim" } })
    const grabber = await camera.open(signal)
    for (let i = 0; i < 3; i++) await grabber.grab({ fresh: true }, signal)
    // The camera forgets its old word; the next picture comes all the same.
    nonce = "n2"
    await grabber.grab({ fresh: true }, signal)
    expect(counts).toEqual(["00000001", "00000002", "00000003", "00000001"])
    expect(await reason(url, { credentials: { user: "line", password: "x" } })).toStartWith("camera_refused:")
  })

  test("that fails, sends something else or points elsewhere costs a picture and is named without its secrets", async () => {
    const failing = cameraThat(() => new Response("oops", { status: 500 }))
    const url = failing.url.replace("ch=1", "pwd=geheim")
    const said = await reason(url)
    expect(said).toStartWith("camera_answer:")
    expect(said).toContain("HTTP 500")
    expect(said).not.toContain("geheim")

    const elsewhere = cameraThat(() => new Response("", { status: 302, headers: { location: failing.url } }))
    const before = failing.requests()
    expect(await reason(elsewhere.url)).toContain("HTTP 302")
    expect(failing.requests()).toBe(before)

    expect(await reason(cameraThat(() => new Response("<html>")).url)).toStartWith("picture_unreadable:")
    const half = picture.subarray(0, picture.length - 40)
    expect(await reason(cameraThat(() => image(half)).url)).toStartWith("picture_truncated:")
    expect(await reason("http://127.0.0.1:9/snap")).toStartWith("camera_lost:")
  })

  test("that drips is given up after its time, one that floods after its size", async () => {
    const drip = cameraThat(
      () =>
        new Response(
          new ReadableStream({
            async pull(controller) {
              controller.enqueue(new Uint8Array([0xff]))
              await Bun.sleep(20)
            },
          }),
        ),
    )
    expect(await reason(drip.url, { timeout_ms: 250 })).toStartWith("camera_timeout:")
    const flood = cameraThat(
      () =>
        new Response(
          new ReadableStream({
            pull: (controller) => controller.enqueue(new Uint8Array(2 ** 16)),
          }),
        ),
    )
    expect(await reason(flood.url, { max_bytes: 2 ** 20 })).toStartWith("picture_too_large:")
  })

  test("that sends a hundred megapixels is refused by the picture's head, without decoding it", async () => {
    const large = new Uint8Array(200)
    large.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52])
    new DataView(large.buffer).setUint32(16, 10_000)
    new DataView(large.buffer).setUint32(20, 10_000)
    expect(await reason(cameraThat(() => image(large)).url)).toStartWith("picture_too_large:")
  })
})

describe("HTTP authentication", () => {
  const user = { user: "Mufasa", password: "Circle of Life" }

  test("answers the example of RFC 7616, with MD5 and with SHA-256", () => {
    const answerTo = (algorithm: string) =>
      authorize(
        readChallenge(
          `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`,
        )!,
        user,
        {
          method: "GET",
          uri: "/dir/index.html",
          count: 1,
          cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        },
      )
    expect(answerTo("MD5")).toContain('response="8ca523f5e9506fed4657c9700eebdbec"')
    expect(answerTo("SHA-256")).toContain(
      'response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"',
    )
  })

  test("answers the old form without qop, and takes Basic where there is nothing better", () => {
    const old = readChallenge(
      'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"',
    )!
    const answer = authorize(
      old,
      { ...user, password: "Circle Of Life" },
      { method: "GET", uri: "/dir/index.html", count: 1, cnonce: "x" },
    )
    expect(answer).toContain('response="670fd8c2df070c60b045671b8b24ff02"')
    expect(answer).not.toContain("cnonce")
    expect(readChallenge('Digest realm="r", nonce="n", qop="auth-int", Basic realm="r"')).toEqual({
      scheme: "basic",
    })
    expect(readChallenge("Negotiate")).toBeUndefined()
  })
})
