import { afterEach, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { configFields, readConfig } from "../../hub/read-config.ts"

const folders: string[] = []
afterEach(() => {
  for (const path of folders.splice(0)) rmSync(path, { recursive: true, force: true })
})
function fileWith(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "crux-config-"))
  folders.push(folder)
  writeFileSync(join(folder, "crux.json"), text)
  return join(folder, "crux.json")
}

describe("the settings", () => {
  test("come from defaults, file, environment and flags, each stronger than the one before", () => {
    const { config, origins } = readConfig({
      file: fileWith('{"http":{"host":"0.0.0.0","port":1},"mqtt":{"port":2},"log_level":"warn"}'),
      environment: { CRUX_HUB_HTTP_PORT: "3", CRUX_HUB_MQTT_PORT: "4", OTHER: "x" },
      flags: { "mqtt-port": "5" },
    })
    expect(config).toMatchObject({
      data: "data",
      log_level: "warn",
      http: { host: "0.0.0.0", port: 3 },
      mqtt: { host: "127.0.0.1", port: 5 },
    })
    expect(origins).toMatchObject({
      data: "default",
      log_level: "file",
      "http.host": "file",
      "http.port": "environment",
      "mqtt.port": "flag",
    })
  })

  test("explain themselves: every one has a title and a sentence", () => {
    for (const field of configFields) {
      expect(field.title).not.toBe(field.path)
      expect(field.description).toEndWith(".")
    }
  })

  const refusals: [string, Parameters<typeof readConfig>[0], string][] = [
    ["an unknown key of the file", { file: '{"htpp":{}}', environment: {}, flags: {} }, "htpp"],
    ["an unknown key in a group", { file: '{"http":{"prot":1}}', environment: {}, flags: {} }, "prot"],
    ["an unknown variable", { environment: { CRUX_HUB_PROT: "1" }, flags: {} }, "CRUX_HUB_PROT"],
    ["a number out of bounds", { environment: { CRUX_HUB_HTTP_PORT: "65536" }, flags: {} }, "http.port"],
    ["a word for a number", { environment: {}, flags: { "http-port": "many" } }, "--http-port"],
    ["a word for yes or no", { environment: {}, flags: { "auto-train-enabled": "si" } }, "true or false"],
    ["a file that is not JSON", { file: "http:\n", environment: {}, flags: {} }, "is not JSON"],
    ["a file with a list", { file: "[]", environment: {}, flags: {} }, "does not hold an object"],
    ["a value for a group", { file: '{"http":8080}', environment: {}, flags: {} }, "http"],
  ]
  for (const [name, sources, says] of refusals) {
    test(`refuse ${name}, with exit code "config"`, () => {
      const file = sources.file === undefined ? undefined : fileWith(sources.file)
      expect(() => readConfig({ ...sources, file })).toThrow(says)
      try {
        readConfig({ ...sources, file })
      } catch (error) {
        expect(error).toMatchObject({ exit: "config" })
      }
    })
  }

  test("a file that is missing is refused", () => {
    expect(() => readConfig({ file: "/nowhere/crux.json", environment: {}, flags: {} })).toThrow(
      "cannot be read",
    )
  })
})
