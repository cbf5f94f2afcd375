import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** What lies ready for other schedulers. None of them is here: beside each script stands a program that writes down what it is asked. */
const launchers = join(import.meta.dir, "../../../models/trainers/pytorch/launchers")
const yaml = (text: string) => Bun.YAML.parse(text) as Record<string, unknown>

let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "crux-launchers-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A program of this name on a PATH of its own. */
function standIn(name: string, script: string): string {
  const bin = join(folder, `${name}-bin`)
  mkdirSync(bin, { recursive: true })
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`)
  chmodSync(join(bin, name), 0o755)
  return bin
}
async function run(command: string[], env: Record<string, string>) {
  const child = Bun.spawn(command, { env: { ...process.env, ...env }, stdout: "pipe", stderr: "pipe" })
  const [out, error] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  return { code: await child.exited, out, error }
}

test("the scripts are understood by their shells", async () => {
  for (const [shell, name] of [
    ["bash", "slurm.sbatch"],
    ["sh", "kubernetes-job.sh"],
  ] as const)
    expect(await run([shell, "-n", join(launchers, name)], {})).toEqual({ code: 0, out: "", error: "" })
})

describe("on Kubernetes", () => {
  test("an agent for each GPU keeps its jobs on a disk of its own and never runs as root", () => {
    const set = yaml(readFileSync(join(launchers, "kubernetes-agent.yaml"), "utf8")) as {
      kind: string
      spec: {
        selector: { matchLabels: object }
        template: {
          metadata: { labels: object }
          spec: {
            securityContext: object
            containers: {
              args: string[]
              command: string[]
              volumeMounts: { name: string; mountPath: string }[]
            }[]
            volumes: { name: string }[]
          }
        }
        volumeClaimTemplates: { metadata: { name: string } }[]
      }
    }
    const { template, selector, volumeClaimTemplates } = set.spec
    expect([set.kind, selector.matchLabels]).toEqual(["StatefulSet", template.metadata.labels])
    expect(template.spec.securityContext).toMatchObject({ runAsNonRoot: true })
    const [container] = template.spec.containers
    const volumes = [...template.spec.volumes.map(({ name }) => name), volumeClaimTemplates[0]?.metadata.name]
    for (const { name } of container!.volumeMounts) expect(volumes).toContain(name)
    const state = container!.volumeMounts.find(({ name }) => name === "state")?.mountPath
    expect(container!.args).toContain(`--state=${state}`)
  })

  test("a training becomes a Job with the folder, the pictures and the disk in their places, and ends as it ends", async () => {
    const written = join(folder, "job.yaml")
    const bin = standIn(
      "kubectl",
      `case "$1 $2" in
"create -f") cat >${written} ;;
"wait --for=condition=complete") [ "$ENDS" = complete ] ;;
"wait --for=condition=failed") [ "$ENDS" = failed ] ;;
esac`,
    )
    const job = "/shared/crux-trainer/jobs/0197f7d4-3b1c-7a52-9d0e-0123456789ab"
    const env = { PATH: `${bin}:${process.env.PATH}`, CRUX_BLOBS: "/shared/crux-trainer/blobs" }
    const script = ["sh", join(launchers, "kubernetes-job.sh"), job]
    expect((await run(script, { ...env, ENDS: "complete" })).code).toBe(0)
    const made = yaml(readFileSync(written, "utf8")) as {
      kind: string
      metadata: { name: string }
      spec: {
        template: {
          spec: { containers: { command: string[]; env: object[]; volumeMounts: object[] }[] }
        }
      }
    }
    const [container] = made.spec.template.spec.containers
    expect([made.kind, made.metadata.name, container]).toEqual([
      "Job",
      "crux-0197f7d4-3b1c-7a52-9d0e-0123456789ab",
      expect.objectContaining({
        command: ["crux-trainer", "work", job],
        env: [{ name: "CRUX_BLOBS", value: "/shared/crux-trainer/blobs" }],
        volumeMounts: [{ name: "state", mountPath: "/shared/crux-trainer" }],
      }),
    ])
    expect((await run(script, { ...env, ENDS: "failed" })).code).toBe(1)
    // Taken away by somebody: nobody waits for ever.
    expect((await run(script, { ...env, ENDS: "" })).code).toBe(1)
  })
})

test("on Slurm a training runs as torchrun would here, says where the pictures are, and ends as it ends", async () => {
  const bin = standIn("python", 'echo "$CRUX_BLOBS $*"; exit "$ENDS"')
  const venv = join(folder, "venv")
  mkdirSync(venv)
  await run(["ln", "-s", bin, join(venv, "bin")], {})
  const job = join(folder, "state/jobs/1")
  mkdirSync(job, { recursive: true })
  const script = ["bash", join(launchers, "slurm.sbatch"), job]
  const env = { VENV: venv, SLURM_GPUS_ON_NODE: "2", CRUX_BLOBS: "" }
  expect((await run(script, { ...env, ENDS: "0" })).code).toBe(0)
  expect(readFileSync(join(job, "log.txt"), "utf8")).toBe(
    `${join(folder, "state/blobs")} -m torch.distributed.run --standalone --nproc-per-node=2 --max-restarts=2 -m crux_trainer work ${job}\n`,
  )
  expect((await run(script, { ...env, ENDS: "70" })).code).toBe(70)
  const asked = [...readFileSync(script[1]!, "utf8").matchAll(/^#SBATCH (--[\w-]+)/gm)].map(
    ([, option]) => option,
  )
  expect(asked).toContain("--requeue")
  expect(new Set(asked).size).toBe(asked.length)
})
