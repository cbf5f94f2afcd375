import { selfCommand } from "#models/child"

/** How to get a mount namespace of one's own here: as root, else in a user namespace; undefined where it is forbidden. */
export const mountNamespace = [
  ["unshare", "-m", "--"],
  ["unshare", "-rm", "--"],
].find(
  (way) => Bun.which("unshare") && Bun.spawnSync([...way, "mount", "-t", "tmpfs", "none", "/mnt"]).success,
)

/** Put before a command: gives it a disk of `size` (as mount says it, e.g. `20m`) at `path`, which only it sees. */
export const onDisk = (path: string, size: string): string[] => [
  ...(mountNamespace ?? []),
  ...["sh", "-c", `mount -t tmpfs -o size=${size} crux "$0" && exec "$@"`, path],
]

/** Mounts a disk of $1 bytes at $2, runs the rest there, and gives the disk the sizes it reads from its input. */
const script = `
set -e
size=$1 disk=$2
shift 2
mount -t tmpfs -o size=$size crux "$disk"
"$@" </dev/null &
program=$!
trap 'kill -TERM $program' TERM
while read -r size; do
  # The pages in use and not one more.
  if [ "$size" = full ]; then size=$(df -k --output=used "$disk" | tail -n 1 | tr -d ' ')k; fi
  mount -o remount,size=$size crux "$disk"
  echo "resized"
done
kill -TERM $program 2>/dev/null || true
wait $program
`

/**
 * Runs `crux` with the folder `disk` on a disk of its own that can be resized. `resize` takes a size, or `full` for no free page at all. `end` stops crux as SIGTERM does.
 */
export function startOnSmallDisk(disk: string, size: string, args: readonly string[]) {
  if (!mountNamespace) throw new Error("no mount namespace can be made on this machine")
  const command = [...mountNamespace, "sh", "-c", script, "small-disk", size, disk, ...selfCommand(...args)]
  const child = Bun.spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "pipe" })
  const said = { out: "", err: "" }
  const keep = async (name: keyof typeof said, stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) said[name] += text
  }
  const kept = Promise.all([keep("out", child.stdout), keep("err", child.stderr)])
  let resized = 0
  const outMatches = async (look: () => boolean) => {
    while (!look()) {
      if (child.exitCode !== null) throw new Error(`crux ended (${child.exitCode}): ${said.err}`)
      await Bun.sleep(20)
    }
  }
  return {
    child,
    said,
    says: (pattern: RegExp) => outMatches(() => pattern.test(said.out)).then(() => pattern.exec(said.out)!),
    resize: async (to: string) => {
      resized++
      child.stdin.write(`${to}\n`)
      await child.stdin.flush()
      await outMatches(() => said.out.split("resized").length > resized)
    },
    end: async () => {
      await child.stdin.end()
      const code = await child.exited
      await kept
      return { code, ...said }
    },
  }
}
